use std::fmt;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Code, ErrorObject, Id, Request};

/// One message of a client.
#[derive(Debug, PartialEq)]
pub(crate) enum Message {
    Single(Box<Entry>),
    /// At least one entry.
    Batch(Vec<Entry>),
}

/// A request, or the answer to what is not one.
pub(crate) type Entry = Result<Request, (Id, ErrorObject)>;

impl Message {
    /// Reads a message with at most `max_batch` entries.
    ///
    /// # Errors
    /// If it is not JSON, not a batch with an entry, or one that is too long.
    pub(crate) fn parse(message: &[u8], max_batch: usize) -> Result<Self, ErrorObject> {
        let text = std::str::from_utf8(message).map_err(|_| ErrorObject::new(Code::ParseError))?;
        if !text.trim_ascii_start().starts_with('[') {
            let json: &RawValue =
                serde_json::from_str(text).map_err(|_| ErrorObject::new(Code::ParseError))?;
            return Ok(Self::Single(Box::new(Request::parse(json))));
        }
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let (entries, count) = deserializer
            .deserialize_seq(Entries { max: max_batch })
            .and_then(|entries| deserializer.end().map(|()| entries))
            .map_err(|_| ErrorObject::new(Code::ParseError))?;
        if count > max_batch {
            let reason =
                format!("the batch has {count} entries, and the limit is {max_batch}; send several batches");
            return Err(ErrorObject::limit("max_batch", max_batch, reason));
        }
        if entries.is_empty() {
            return Err(ErrorObject::new(Code::InvalidRequest));
        }
        Ok(Self::Batch(entries.into_iter().map(Request::parse).collect()))
    }
}

/// The entries of a batch. Those beyond `max` are counted and not kept.
struct Entries {
    max: usize,
}

impl<'de> Visitor<'de> for Entries {
    type Value = (Vec<&'de RawValue>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of requests")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut entries, mut count) = (Vec::new(), 0);
        while entries.len() < self.max {
            let Some(entry) = seq.next_element()? else { break };
            entries.push(entry);
            count += 1;
        }
        // After the end this asks once more, which serde_json answers with the end again.
        while seq.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok((entries, count))
    }
}
