use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use rhai_dispatcher_core::{RunEvent, RunId};

use crate::client::ServerReply;
use crate::wire::event::decode;

/// The entries of one stream, with the event of each that can be read.
pub(super) type Entries = Vec<(StreamId, Option<(RunId, RunEvent)>)>;

/// An entry of a stream as it is: its id and its fields.
pub(super) type RawEntry = (String, Vec<ServerReply>);

/// The id of an entry of a stream: milliseconds, and a number among those of the millisecond.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StreamId(u64, u64);

impl FromStr for StreamId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (millis, number) = text.split_once('-').ok_or(())?;
        Ok(Self(millis.parse().map_err(drop)?, number.parse().map_err(drop)?))
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

/// The entries of an answer to XREAD, with the name of each stream.
pub(super) fn read_streams(reply: ServerReply) -> Vec<(Bytes, Vec<RawEntry>)> {
    let mut parts = reply.into_array().into_iter();
    let mut streams = Vec::new();
    while let (Some(name), Some(entries)) = (parts.next(), parts.next()) {
        let Some(name) = name.as_bytes().cloned() else { continue };
        let entry = |entry: ServerReply| {
            let mut parts = entry.into_array().into_iter();
            let id = parts.next()?.as_str()?.to_owned();
            Some((id, parts.next().map(ServerReply::into_array).unwrap_or_default()))
        };
        streams.push((name, entries.into_array().into_iter().filter_map(entry).collect()));
    }
    streams
}

/// The events of entries.
pub(super) fn parse_entries(entries: &[RawEntry]) -> Entries {
    let entry = |(id, fields): &RawEntry| {
        Some((id.parse().ok()?, decode(fields.iter().filter_map(ServerReply::as_bytes))))
    };
    entries.iter().filter_map(entry).collect()
}
