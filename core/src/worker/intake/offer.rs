/// What a lane can take when it asks for a task.
#[derive(Debug, Clone, Copy)]
pub(in crate::worker) struct Offer {
    /// How many tasks it can run.
    pub(in crate::worker) capacity: usize,
    /// How many of its tasks are CPU-bound.
    pub(in crate::worker) computing: usize,
    /// Whether it may wait for the transport, or only take what has been claimed already.
    pub(in crate::worker) claims: bool,
    /// Whether it sleeps unless it gets a task.
    pub(in crate::worker) sleeps: bool,
}
