use std::str::FromStr;

use rhai_dispatcher_core::{ActivityEntry, ActivityPosition, WallTime, WorkerId};

use crate::client::ServerReply;
use crate::wire;

/// One entry of the stream of a worker id: entries that were logged together.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The position of its first entry.
    pub(crate) position: ActivityPosition,
    /// Oldest first.
    pub(super) entries: Vec<ActivityEntry>,
}

impl Batch {
    /// Reads one of `worker_id`; `None` if the id is not that of a stream. What can't be read has no entries: another client,
    /// or a later version, has written it.
    pub(crate) fn parse(id: &str, fields: &[ServerReply], worker_id: &WorkerId) -> Option<Self> {
        let position = parse_id(id)?;
        let field = |name: &str| {
            let mut pairs = fields.chunks_exact(2);
            pairs.find(|pair| pair[0].as_str() == Some(name)).map(|pair| &pair[1])
        };
        let age = field("a").and_then(ServerReply::as_u64).unwrap_or(0);
        let made_at = WallTime::from_millis(position.millis.saturating_sub(age));
        let entries = if let Some(bytes) = field("b").and_then(ServerReply::as_bytes) {
            wire::decode_runs(bytes, worker_id, made_at).unwrap_or_default()
        } else if let Some(json) = field("j").and_then(ServerReply::as_bytes) {
            wire::decode_ends(json, worker_id, made_at)
        } else {
            Vec::new()
        };
        Some(Self { position, entries })
    }

    /// Reads those of `worker_id` in an answer of XRANGE and the like.
    pub(super) fn parse_all(replies: impl Iterator<Item = ServerReply>, worker_id: &WorkerId) -> Vec<Self> {
        let batch = |reply: ServerReply| {
            let mut parts = reply.into_array().into_iter();
            let (id, fields) = (parts.next()?, parts.next()?.into_array());
            Self::parse(id.as_str()?, &fields, worker_id)
        };
        replies.filter_map(batch).collect()
    }

    /// Its entries with their positions, oldest first.
    pub(super) fn into_entries(self) -> impl DoubleEndedIterator<Item = (ActivityPosition, ActivityEntry)> {
        let position = self.position;
        let at = move |index| ActivityPosition { index, ..position };
        self.entries
            .into_iter()
            .enumerate()
            .map(move |(index, entry)| (at(u32::try_from(index).unwrap_or(u32::MAX)), entry))
    }
}

fn parse_id(id: &str) -> Option<ActivityPosition> {
    let (millis, sequence) = id.split_once('-')?;
    Some(ActivityPosition { millis: u64::from_str(millis).ok()?, sequence: sequence.parse().ok()?, index: 0 })
}
