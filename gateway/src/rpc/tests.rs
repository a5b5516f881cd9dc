use proptest::prelude::*;
use serde_json::Value;

use super::{Answer, Id, Message};

/// Bytes that are nearly messages: texts of JSON-RPC, cut, doubled and changed.
fn nearly_messages() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(r#"{"jsonrpc":"2.0","method":"a","id":1}"#.to_owned()),
        Just(r#"{"jsonrpc":"2.0","method":"a","params":[1,{"b":null}],"id":"x"}"#.to_owned()),
        Just(r#""jsonrpc":"2.0","#.to_owned()),
        Just(r#""id":"#.to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just(",".to_owned()),
        Just("null".to_owned()),
        "-?[0-9]{1,30}(\\.[0-9]{1,3})?(e-?[0-9]{1,4})?",
        "\"\\PC{0,8}\"",
        "\\PC{0,8}",
        Just("[".repeat(2_000)),
    ];
    let texts = prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat().into_bytes());
    prop_oneof![4 => texts, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_message_or_an_error_that_is_json(bytes in nearly_messages(), max_batch in 1_usize..4) {
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok();
        let answers: Vec<Answer> = match Message::parse(&bytes, max_batch) {
            Ok(message) => {
                prop_assert!(is_json);
                let entries = match message {
                    Message::Single(entry) => vec![*entry],
                    Message::Batch(entries) => entries,
                };
                prop_assert!(!entries.is_empty() && entries.len() <= max_batch.max(1));
                entries.into_iter().map(|entry| match entry {
                    Ok(request) => Answer::result(&request.id.unwrap_or_else(Id::null), "1"),
                    Err((id, error)) => Answer::error(&id, &error),
                }).collect()
            }
            Err(error) => {
                let error = Answer::error(&Id::null(), &error);
                prop_assert_eq!(error.clone().into_text().contains("-32700"), !is_json);
                vec![error]
            }
        };
        for answer in answers {
            let text = answer.into_text();
            let value: Value = serde_json::from_str(&text)
                .map_err(|error| TestCaseError::fail(format!("{error} in {text}")))?;
            prop_assert_eq!(&value["jsonrpc"], "2.0");
            prop_assert!(value.get("id").is_some());
        }
    }
}
