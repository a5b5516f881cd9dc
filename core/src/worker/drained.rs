/// How a worker ended that was shut down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// Tasks that were given up because their lane did not stop in time.
    pub abandoned: usize,
}
