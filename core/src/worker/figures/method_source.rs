use std::fmt::Debug;
use std::task::{Context, Poll};

use crate::{HandlerInfo, MethodName};

/// The methods that tasks of a worker can call: what it announces, and of what it counts calls.
pub trait MethodSource: Debug + Send + Sync {
    /// The handlers now, by name.
    fn handlers(&self) -> Vec<HandlerInfo>;

    /// Whether there is such a method now.
    fn has(&self, method: &MethodName) -> bool;

    /// Is ready when the handlers are not those of the version `seen` any more, with their version; the first version is 1.
    /// While it is pending it wakes the context when they change.
    fn poll_changed(&self, seen: u64, cx: &mut Context<'_>) -> Poll<u64>;
}
