/// How a worker ended that was shut down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// Tasks that were given up because their lane did not stop in time.
    pub abandoned: usize,
    /// Tasks that had not ended when the worker shut down, begun or not, and were released: other instances run them. Of
    /// tasks that were on their way to the worker some may not be counted.
    pub released: usize,
}
