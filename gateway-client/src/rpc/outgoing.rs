use std::ops::Range;

use super::Entry;

/// A message to the gateway.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) text: String,
    /// The ids of its calls, each of which has an answer. A message without a call has one id, which is not sent.
    pub(crate) ids: Range<u64>,
    /// Whether it has a call.
    pub(crate) has_answer: bool,
    /// How many entries it has, if it is a batch.
    pub(crate) batch: Option<usize>,
    /// Whether it may be sent again over the next connection: it only reads.
    pub(crate) only_reads: bool,
}

impl Outgoing {
    /// One entry.
    pub(crate) fn single(entry: &Entry, id: u64) -> Self {
        let mut text = String::with_capacity(entry.len());
        entry.write(id, &mut text);
        Self { text, ids: id..id + 1, has_answer: entry.is_call, batch: None, only_reads: false }
    }

    /// A batch; its calls get ids from `first` on.
    pub(crate) fn batch(entries: &[Entry], first: u64) -> Self {
        let mut text = String::with_capacity(entries.iter().map(|entry| entry.len() + 1).sum::<usize>() + 1);
        let mut id = first;
        for entry in entries {
            text.push(if text.is_empty() { '[' } else { ',' });
            entry.write(id, &mut text);
            id += u64::from(entry.is_call);
        }
        text.push(']');
        let has_answer = id > first;
        let ids = first..id.max(first + 1);
        Self { text, ids, has_answer, batch: Some(entries.len()), only_reads: false }
    }

    /// It may be sent again over the next connection.
    pub(crate) fn only_reading(mut self) -> Self {
        self.only_reads = true;
        self
    }
}
