use std::fmt::Display;

use bytes::Bytes;

use crate::slot::Slot;

/// What a script is about: a worker id, a task or a list of names. All keys that it touches are in that slot.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) slot: Slot,
    /// The key that the script is sent with. It never exists. So a server that does not have the slot says so before it
    /// carries the script out, also while it moves the keys of the slot to another one by one.
    pub(super) key: Bytes,
}

impl Home {
    pub(super) fn new(prefix: &str, name: impl Display) -> Self {
        Self { slot: Slot::of(prefix, &name), key: format!("{{{prefix}:{name}}}:home").into() }
    }
}
