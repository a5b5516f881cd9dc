use std::sync::atomic::AtomicU64;

use rhai_dispatcher_core::{LaneSlot, WorkerId};

/// What a table begins with.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Header {
    pub(crate) magic: AtomicU64,
    pub(crate) version: AtomicU64,
    pub(crate) lanes: AtomicU64,
    /// [`ATTACHED`] or [`DETACHED`].
    pub(crate) state: AtomicU64,
    pub(crate) instance: [AtomicU64; 2],
    /// Which start of the system the instance attached under; zero if that is not known.
    pub(crate) boot: [AtomicU64; 2],
    pub(crate) worker_id_bytes: AtomicU64,
    pub(crate) worker_id: [AtomicU64; WORKER_ID_WORDS],
}

/// What the first word of every table is.
pub(crate) const MAGIC: u64 = u64::from_be_bytes(*b"RHAICRSH");

/// Which layout this is; a table of another one is not read.
pub(crate) const VERSION: u64 = 1;

pub(crate) const DETACHED: u64 = 0;
pub(crate) const ATTACHED: u64 = 1;

pub(crate) const WORKER_ID_WORDS: usize = WorkerId::MAX_BYTES / 8;
pub(crate) const HEADER_BYTES: usize = size_of::<Header>();
pub(crate) const SLOT_BYTES: usize = size_of::<LaneSlot>();

/// The most lanes that a table has slots for.
pub(crate) const MAX_LANES: usize = 4_096;

/// The length of the largest table, in bytes.
pub(crate) const MAX_BYTES: usize = HEADER_BYTES + MAX_LANES * SLOT_BYTES;
