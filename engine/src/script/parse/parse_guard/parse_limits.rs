use std::time::Duration;

/// The limits of a parse, as the configuration of the engine has them.
#[derive(Debug)]
pub(super) struct ParseLimits {
    pub(super) max_arguments: usize,
    pub(super) max_variables: usize,
    pub(super) max_modules: usize,
    pub(super) max_map_literal: usize,
    /// The longest time of a parse; unlimited if `None`.
    pub(super) max_time: Option<Duration>,
}
