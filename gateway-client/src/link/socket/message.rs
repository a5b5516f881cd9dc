use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::rpc::Outgoing;

/// A message on its way to the gateway.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) text: Utf8Bytes,
    pub(super) ids: Range<u64>,
    pub(super) has_answer: bool,
    /// How many entries it has, if it is a batch.
    pub(super) batch: Option<usize>,
    pub(super) only_reads: bool,
    state: AtomicU8,
}

const QUEUED: u8 = 0;
const SENT: u8 = 1;
const WITHDRAWN: u8 = 2;

impl Message {
    pub(super) fn new(message: Outgoing) -> Self {
        let Outgoing { text, ids, has_answer, batch, only_reads } = message;
        Self { text: text.into(), ids, has_answer, batch, only_reads, state: AtomicU8::new(QUEUED) }
    }

    /// Whether it is to be sent: its caller has not given up. It counts as sent from then on.
    pub(super) fn begin(&self) -> bool {
        self.replace(QUEUED, SENT)
    }

    /// Whether the caller could give it up before it was sent.
    pub(super) fn withdraw(&self) -> bool {
        self.replace(QUEUED, WITHDRAWN)
    }

    /// Whether it has neither been sent nor been given up.
    pub(super) fn is_queued(&self) -> bool {
        self.state.load(Ordering::Acquire) == QUEUED
    }

    pub(super) fn is_sent(&self) -> bool {
        self.state.load(Ordering::Acquire) == SENT
    }

    /// It is to be sent again.
    pub(super) fn requeue(&self) {
        self.replace(SENT, QUEUED);
    }

    fn replace(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}
