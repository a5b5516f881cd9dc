//! The examples of the specification of JSON-RPC 2.0, answered exactly, over both entrances.

use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::support::Site;

/// What is sent, and what comes back; `None` for nothing.
///
/// The examples are those of <https://www.jsonrpc.org/specification#examples>, in their order.
const EXAMPLES: &[(&str, &str, Option<&str>)] = &[
    (
        "positional parameters",
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
        Some(r#"{"jsonrpc": "2.0", "result": 19, "id": 1}"#),
    ),
    (
        "positional parameters, the other way round",
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}"#,
        Some(r#"{"jsonrpc": "2.0", "result": -19, "id": 2}"#),
    ),
    (
        "named parameters",
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}"#,
        Some(r#"{"jsonrpc": "2.0", "result": 19, "id": 3}"#),
    ),
    (
        "named parameters, the other way round",
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}"#,
        Some(r#"{"jsonrpc": "2.0", "result": 19, "id": 4}"#),
    ),
    ("a notification", r#"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#, None),
    ("a notification of an unknown method", r#"{"jsonrpc": "2.0", "method": "foobar"}"#, None),
    (
        "a call of an unknown method",
        r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#,
        Some(r#"{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}"#),
    ),
    (
        "invalid JSON",
        r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#,
        Some(r#"{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}"#),
    ),
    (
        "an invalid request",
        r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#,
        Some(r#"{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}"#),
    ),
    (
        "a batch of invalid JSON",
        r#"[
            {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
            {"jsonrpc": "2.0", "method"
        ]"#,
        Some(r#"{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}"#),
    ),
    (
        "an empty batch",
        "[]",
        Some(r#"{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}"#),
    ),
    (
        "an invalid batch with an entry",
        "[1]",
        Some(r#"[{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}]"#),
    ),
    (
        "an invalid batch",
        "[1,2,3]",
        Some(
            r#"[
                {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
                {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
                {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}
            ]"#,
        ),
    ),
    (
        "a batch",
        r#"[
            {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
            {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
            {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
            {"foo": "boo"},
            {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
            {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
        ]"#,
        Some(
            r#"[
                {"jsonrpc": "2.0", "result": 7, "id": "1"},
                {"jsonrpc": "2.0", "result": 19, "id": "2"},
                {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
                {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
                {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}
            ]"#,
        ),
    ),
    (
        "a batch of notifications",
        r#"[
            {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
            {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
        ]"#,
        None,
    ),
];

/// What the specification says beside its examples.
const RULES: &[(&str, &str, Option<&str>)] = &[
    (
        "an id that is null is answered",
        r#"{"jsonrpc":"2.0","method":"subtract","params":[1,1],"id":null}"#,
        Some(r#"{"jsonrpc":"2.0","result":0,"id":null}"#),
    ),
    (
        "an id that is a number is answered as it was written",
        r#"{"jsonrpc":"2.0","method":"subtract","params":[1,1],"id":-1.50e3}"#,
        Some(r#"{"jsonrpc":"2.0","result":0,"id":-1.50e3}"#),
    ),
    (
        "an id beyond 64 bits is answered as it was written",
        r#"{"jsonrpc":"2.0","method":"subtract","params":[1,1],"id":123456789012345678901234567890}"#,
        Some(r#"{"jsonrpc":"2.0","result":0,"id":123456789012345678901234567890}"#),
    ),
    (
        "an id of another type is none",
        r#"{"jsonrpc":"2.0","method":"subtract","params":[1,1],"id":[1]}"#,
        Some(r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}"#),
    ),
    (
        "an invalid request with an id keeps it",
        r#"{"jsonrpc":"1.0","method":"subtract","params":[1,1],"id":7}"#,
        Some(r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":7}"#),
    ),
    (
        "parameters that are not structured are invalid",
        r#"{"jsonrpc":"2.0","method":"subtract","params":null,"id":7}"#,
        Some(r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":7}"#),
    ),
    (
        "a member that is given twice is invalid",
        r#"{"jsonrpc":"2.0","method":"sum","method":"update","id":7}"#,
        Some(r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}"#),
    ),
    (
        "a name that no method can have is the name of none",
        r#"{"jsonrpc":"2.0","method":"a b","id":7}"#,
        Some(r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":7}"#),
    ),
    (
        "a name that the specification reserves is not that of a worker's method",
        r#"{"jsonrpc":"2.0","method":"rpc.of_a_worker","id":7}"#,
        Some(r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":7}"#),
    ),
    (
        "a byte order mark is not JSON",
        "\u{feff}{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"id\":7}",
        Some(r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#),
    ),
    (
        "two requests of a batch may have one id",
        r#"[{"jsonrpc":"2.0","method":"sum","params":[1],"id":7},{"jsonrpc":"2.0","method":"sum","params":[1],"id":7}]"#,
        Some(r#"[{"jsonrpc":"2.0","result":1,"id":7},{"jsonrpc":"2.0","result":1,"id":7}]"#),
    ),
    (
        "an answer is not a request",
        r#"{"jsonrpc":"2.0","result":1,"id":7}"#,
        Some(r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":7}"#),
    ),
    (
        "nothing is not JSON",
        "",
        Some(r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#),
    ),
];

fn same(name: &str, answer: &str, expected: &str) {
    let parse =
        |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(parse(answer), parse(expected), "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_are_answered_exactly_over_http() {
    let site = Site::new().await;
    for (name, sent, expected) in EXAMPLES.iter().chain(RULES) {
        let response = site.rpc(sent).await;
        match expected {
            Some(expected) => {
                assert_eq!(response.status, 200, "{name}");
                same(name, &response.body, expected);
            }
            None => assert_eq!((response.status, &*response.body), (204, ""), "{name}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_are_answered_exactly_over_a_websocket() {
    let site = Site::new().await;
    let mut socket = site.socket().await;
    for binary in [false, true] {
        for (name, sent, expected) in EXAMPLES.iter().chain(RULES) {
            let message =
                if binary { Message::binary(sent.as_bytes().to_vec()) } else { Message::text(*sent) };
            futures::SinkExt::send(&mut socket.stream, message).await.expect("it is sent");
            let Some(expected) = expected else { continue };
            let answer = socket.message().await;
            assert_eq!(answer.is_binary(), binary, "{name}: an answer comes as its request did");
            same(name, answer.to_text().expect("UTF-8"), expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_kept_as_text() {
    let site = Site::new().await;
    for id in ["1.0", "-0", "1E2", "123456789012345678901234567890", r#""\u00e4\n""#, "null"] {
        let request = format!(r#"{{"jsonrpc":"2.0","method":"get_data","id":{id}}}"#);
        let expected = format!(r#"{{"jsonrpc":"2.0","result":["hello",5],"id":{id}}}"#);
        assert_eq!(site.rpc(&request).await.body, expected);
    }
}
