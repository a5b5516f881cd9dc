//! What `to_json` writes is JSON, whatever the value.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use rhai_dispatcher_core::TaskErrorKind;
use rhai_dispatcher_engine::{EngineConfig, Secret};
use support::Bench;

#[test]
fn values_of_all_types_are_json_or_an_error_that_names_the_type() {
    let bench = Bench::with(EngineConfig::new().with_secret("KEY", Secret::new("s3cret")));
    for (value, json) in [
        ("()", "null"),
        ("true", "true"),
        ("-7", "-7"),
        ("1.0", "1.0"),
        ("1e300", "1e+300"),
        ("'a'", r#""a""#),
        ("'\"'", r#""\"""#),
        ("\"a\\n\\x1b\\x00\\\"ü€\"", "\"a\\n\\u001b\\u0000\\\"ü€\""),
        ("[]", "[]"),
        ("[1, 'x', [()]]", r#"[1,"x",[null]]"#),
        ("#{}", "{}"),
        ("#{\"a\\x01\\\"\": 'c', b: #{c: [1.5]}}", "{\"a\\u0001\\\"\":\"c\",\"b\":{\"c\":[1.5]}}"),
        ("KEY", r#""[secret]""#),
    ] {
        assert_eq!(
            bench.value(&format!("to_json({value})")),
            serde_json::to_string(json).unwrap(),
            "{value}"
        );
        assert_eq!(
            bench.value(&format!("let v = {value}; v.to_json()")),
            serde_json::to_string(json).unwrap()
        );
        let read: serde_json::Value = serde_json::from_str(json).unwrap();
        let back = bench.value(&format!("parse_json(to_json({value}))"));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&back).unwrap(), read, "{value}");
    }
    for (value, says) in [
        ("timestamp()", "the value is a timestamp, which"),
        ("[1, blob(2, 1)]", "the value has at [1] a blob, which"),
        ("#{a: [|| 1]}", "the value has at .a[0] a function pointer, which"),
        ("Fn(`f`)", "the value is a function pointer, which"),
        ("1..3", "the value is a range, which"),
        ("0.0 / 0.0", "the value is the number NaN, which"),
        ("#{x: 1.0 / 0.0}", "the value has at .x the number inf, which"),
    ] {
        let script = format!("let e = (); try {{ to_json({value}) }} catch (x) {{ e = x }} e");
        let caught = bench.value(&script);
        assert!(caught.contains(says) && caught.starts_with("\"to_json: "), "{value}: {caught}");
    }
}

#[test]
fn whole_number_beyond_64_bits_does_not_become_a_float() {
    let bench = Bench::new();
    let error = bench.error("parse_json(`{\"id\": 12345678901234567890}`)").message;
    assert_eq!(
        error,
        "parse_json: the whole number 12345678901234567890 is beyond 64 bits with a sign; have it sent as a string, or with a fraction"
    );
    assert_eq!(
        bench.value("parse_json(`[9223372036854775807, \"12345678901234567890\", 1e30]`)[0]"),
        "9223372036854775807"
    );
    assert!(bench.error("parse_json(`[12345678901234567890`)").message.contains("EOF"));
}

#[test]
fn text_stops_at_the_limit_of_strings_before_it_is_there() {
    let bench = Bench::with(EngineConfig::new().with_max_string_bytes(100));
    assert_eq!(bench.value("let s = \"\"; s.pad(98, 'x'); s.to_json().len()"), "100");
    for script in [
        "s.pad(99, 'x'); s.to_json()",
        "s.pad(20, '\\x01'); s.to_json()",
        "let a = []; a.pad(60, 1); a.to_json()",
    ] {
        let error = bench.error(&format!("let s = \"\"; {script}"));
        assert_eq!(error.kind, TaskErrorKind::Limit, "{script}: {error}");
        assert!(error.message.contains("max_string_bytes"), "{script}: {error}");
    }
}
