use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use rhai_dispatcher_core::{TaskId, WorkerId};

use crate::ListId;

/// The names of the keys, which `docs/PROTOCOL.md` lists. A client's keys are those of the list protocol, word for word. Those
/// of bridges share the slot of the key that stands in their braces.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: Arc<str>,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    /// The hash of a task.
    pub(crate) fn hash(&self, id: &ListId) -> Bytes {
        self.key(id)
    }

    /// The list to which clients push the ids of tasks.
    pub(crate) fn queue(&self, worker_id: &WorkerId) -> Bytes {
        self.key(worker_id)
    }

    /// The list on which a client waits. The id may be any bytes.
    pub(crate) fn reply(&self, id: &[u8]) -> Bytes {
        [self.prefix.as_bytes(), b":reply:", id].concat().into()
    }

    /// The token of the last reply to an id.
    pub(crate) fn sent(&self, id: &[u8]) -> Bytes {
        [b"{", &self.reply(id)[..], b"}:sent"].concat().into()
    }

    /// The bridges of a queue, by when their lease is over.
    pub(crate) fn bridges(&self, worker_id: &WorkerId) -> Bytes {
        format!("{{{}:{worker_id}}}:bridges", self.prefix).into()
    }

    /// What the names of their lists begin with; the id of the bridge follows.
    pub(crate) fn held_by(&self, worker_id: &WorkerId) -> String {
        format!("{{{}:{worker_id}}}:bridge:", self.prefix)
    }

    /// Tasks of the dispatcher that wait for a worker id.
    pub(crate) fn waiting_tasks(&self, worker_id: &WorkerId) -> Bytes {
        format!("{{{}:{worker_id}}}:waiting", self.prefix).into()
    }

    /// The list by which a client that waits for replies wakes its own wait.
    pub(crate) fn wake(&self, client: TaskId) -> Bytes {
        self.reply(client.to_string().as_bytes())
    }

    fn key(&self, name: &impl Display) -> Bytes {
        format!("{}:{name}", self.prefix).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slot of a key in a cluster.
    fn slot(key: &[u8]) -> u16 {
        let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
            let close = key[open + 1..].iter().position(|byte| *byte == b'}')?;
            (close > 0).then(|| &key[open + 1..open + 1 + close])
        });
        let crc = tag.unwrap_or(key).iter().fold(0_u16, |crc, byte| {
            (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
            })
        });
        crc % 16_384
    }

    #[test]
    fn the_keys_of_each_step_share_a_slot() {
        assert_eq!(slot(b"123456789"), 0x31c3, "as the specification of clusters says");
        let keys = Keys::new("rhailib");
        for name in ["worker-1", "a", "Job.7_x"] {
            let worker_id = WorkerId::try_from(name).expect("a name");
            let of_queue = slot(&keys.queue(&worker_id));
            assert_eq!(slot(&keys.bridges(&worker_id)), of_queue);
            assert_eq!(slot(format!("{}{}", keys.held_by(&worker_id), TaskId::new()).as_bytes()), of_queue);
            assert_eq!(slot(&keys.sent(name.as_bytes())), slot(&keys.reply(name.as_bytes())));
        }
    }
}
