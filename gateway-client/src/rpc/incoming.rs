use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::error::{ClientError, Refusal};
use crate::events::EventMessage;

/// The result of a call as JSON, or the error object.
pub(crate) type RawAnswer = Result<Box<RawValue>, Refusal>;

/// One entry of a message from the gateway.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// To the call with this id; without one, to a message that could not be read.
    Answer(Option<u64>, RawAnswer),
    /// Of a subscription.
    Event(Box<EventMessage>),
    /// A notification that this version does not know.
    Other,
}

#[derive(Deserialize)]
struct Members<'a> {
    id: Option<u64>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    error: Option<Refusal>,
    method: Option<String>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// A member that is there, also if it is `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl Incoming {
    /// Reads a message: the entries of a batch, or one.
    ///
    /// # Errors
    /// If it is not one of JSON-RPC.
    pub(crate) fn read_all(text: &[u8]) -> Result<Vec<Self>, ClientError> {
        let bad = |error: serde_json::Error| ClientError::bad_answer(format!("it is not JSON-RPC: {error}"));
        let is_batch = text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
        let members: Vec<Members<'_>> = match is_batch {
            true => serde_json::from_slice(text).map_err(bad)?,
            false => vec![serde_json::from_slice(text).map_err(bad)?],
        };
        members.into_iter().map(Self::of).collect()
    }

    fn of(members: Members<'_>) -> Result<Self, ClientError> {
        match (members.result, members.error, members.method) {
            (Some(result), None, None) => Ok(Self::Answer(members.id, Ok(result.to_owned()))),
            (None, Some(error), None) => Ok(Self::Answer(members.id, Err(error))),
            (None, None, Some(method)) if method == "task.event" => {
                let params = members.params.map_or("null", RawValue::get);
                let event = serde_json::from_str(params);
                let bad = |error| ClientError::bad_answer(format!("an event can't be read: {error}"));
                Ok(Self::Event(event.map_err(bad)?))
            }
            (None, None, Some(_)) => Ok(Self::Other),
            _ => Err(ClientError::bad_answer("it has neither a result nor an error")),
        }
    }
}

/// The result as an `R`.
pub(crate) fn read_result<R: DeserializeOwned>(answer: RawAnswer) -> Result<R, ClientError> {
    let result = answer?;
    serde_json::from_str(result.get()).map_err(|error| {
        ClientError::bad_answer(format!("the result is not of the type that was asked for: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match Incoming::read_all(text.as_bytes()) {
            Ok(all) => format!("{all:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn answers_events_and_others_are_told_apart() {
        assert!(shown(r#"{"jsonrpc":"2.0","result":null,"id":3}"#).starts_with("[Answer(Some(3), Ok("));
        let refusal = r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#;
        assert!(shown(refusal).starts_with("[Answer(None, Err("), "{}", shown(refusal));
        let batch = r#" [{"jsonrpc":"2.0","result":1,"id":1},{"jsonrpc":"2.0","result":[],"id":2}]"#;
        assert_eq!(shown(batch).matches("Answer").count(), 2);
        assert_eq!(shown(r#"{"jsonrpc":"2.0","method":"later.event","params":{}}"#), "[Other]");
        for bad in ["", "[1]", "{}", r#"{"id":1}"#, r#"{"result":1,"error":{"code":1,"message":""},"id":1}"#]
        {
            assert!(shown(bad).contains("can't be used"), "{bad}: {}", shown(bad));
        }
    }

    #[test]
    fn result_of_another_type_is_an_error() {
        let raw = RawValue::from_string("\"x\"".to_owned()).expect("JSON");
        let error = read_result::<i64>(Ok(raw)).expect_err("a text");
        assert!(error.to_string().contains("not of the type"), "{error}");
    }
}
