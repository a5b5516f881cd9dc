use rhai::Position;

/// Where a script called the function that panicked.
#[derive(Debug, Clone)]
pub(crate) struct PanicPlace {
    pub(crate) position: Position,
    /// The module whose code has made the call.
    pub(crate) module: Option<String>,
}
