//! The results of the functions, and the errors that scripts catch.

#[path = "../../../engine/tests/support/mod.rs"]
mod support;

use std::collections::HashSet;

use rhai_dispatcher_core::TaskErrorKind;
use rhai_dispatcher_engine::{EngineConfig, Secret};
use rhai_dispatcher_stdlib::StdlibModule;
use support::Bench;
use support::examples::check_examples;

fn config() -> EngineConfig {
    StdlibModule::new().install(EngineConfig::new().with_secret("KEY", Secret::new("Jefe")))
}

fn bench() -> Bench {
    Bench::with(config())
}

/// The kind and the message that a script catches.
#[track_caller]
fn caught(bench: &Bench, call: &str) -> (String, String) {
    let script =
        format!("let r = (); try {{ {call}; }} catch (e) {{ r = [e.kind, e.message, e.value, e.line]; }} r");
    let (kind, message, (), line): (_, _, _, u32) = serde_json::from_str(&bench.value(&script)).expect(call);
    assert_eq!(line, 1, "{call}");
    (kind, message)
}

#[track_caller]
fn same(calls: &[(&str, &str)]) {
    let bench = bench();
    for (call, expected) in calls {
        assert_eq!(bench.value(call), *expected, "{call}");
    }
}

#[test]
fn examples_return_their_documented_results() {
    let config = config();
    let docs = config.docs().last().expect("the module is documented");
    assert_eq!(docs.title, "Standard library");
    check_examples(docs, |script| bench().value(script));
}

#[test]
fn hashes_have_their_known_values() {
    // FIPS 180-4 and RFC 4231, cases 1, 2, 3 and 6.
    same(&[
        (r#"sha256("")"#, r#""e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855""#),
        (r#"sha256("abc")"#, r#""ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad""#),
        (
            r#"sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")"#,
            r#""248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1""#,
        ),
        (r#"sha256(blob(3, 0x61))"#, r#""9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0""#),
        (
            r#"hmac_sha256(blob(20, 0x0b), "Hi There")"#,
            r#""b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7""#,
        ),
        (
            r#"hmac_sha256("Jefe", "what do ya want for nothing?")"#,
            r#""5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843""#,
        ),
        (
            r#"hmac_sha256(blob(20, 0xaa), blob(50, 0xdd))"#,
            r#""773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe""#,
        ),
        (
            r#"hmac_sha256(blob(131, 0xaa), "Test Using Larger Than Block-Size Key - Hash Key First")"#,
            r#""60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54""#,
        ),
    ]);
}

#[test]
fn secret_is_a_key_of_a_signature_and_nothing_else() {
    let bench = bench();
    assert_eq!(
        bench.value(r#"hmac_sha256(KEY, "what do ya want for nothing?")"#),
        r#""5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843""#
    );
    for call in
        ["sha256(KEY)", "base64_encode(KEY)", "hex_encode(KEY)", "url_encode(KEY)", "hmac_sha256(1, KEY)"]
    {
        let (kind, message) = caught(&bench, call);
        assert!(kind == "invalid" && !message.contains("Jefe"), "{call}: {message}");
    }
    let (_, message) = caught(&bench, r#"hmac_sha256("k", KEY)"#);
    assert!(
        message.starts_with("hmac_sha256: data: it is a secret, which only `hmac_sha256` takes"),
        "{message}"
    );
}

#[test]
fn encodings_have_their_known_values() {
    // RFC 4648, section 10.
    for (text, base64, hex) in [
        ("", "", ""),
        ("f", "Zg==", "66"),
        ("fo", "Zm8=", "666f"),
        ("foo", "Zm9v", "666f6f"),
        ("foob", "Zm9vYg==", "666f6f62"),
        ("fooba", "Zm9vYmE=", "666f6f6261"),
        ("foobar", "Zm9vYmFy", "666f6f626172"),
    ] {
        let bare = base64.trim_end_matches('=');
        same(&[
            (&format!("base64_encode({text:?})"), &format!("{base64:?}")),
            (&format!("base64_decode({base64:?})"), &format!("{text:?}")),
            (&format!("base64_decode({bare:?})"), &format!("{text:?}")),
            (&format!("base64url_encode({text:?})"), &format!("{bare:?}")),
            (&format!("base64url_decode({bare:?})"), &format!("{text:?}")),
            (&format!("base64url_decode({base64:?})"), &format!("{text:?}")),
            (&format!("hex_encode({text:?})"), &format!("{hex:?}")),
            (&format!("hex_decode({:?})", hex.to_uppercase()), &format!("{text:?}")),
        ]);
    }
    same(&[
        ("base64_encode(blob(3, 0xfb))", r#""+/v7""#),
        ("base64url_encode(blob(3, 0xfb))", r#""-_v7""#),
        (r#"base64_decode_blob("+/v7") == blob(3, 0xfb)"#, "true"),
        (r#"base64url_decode_blob("-_v7") == blob(3, 0xfb)"#, "true"),
        (r#"hex_decode_blob("fBFbfb") == blob(3, 0xfb)"#, "true"),
        ("base64_encode('ü')", r#""w7w=""#),
        (r#"url_encode("AZaz09-._~ +&=?/#%ü€")"#, r#""AZaz09-._~%20%2B%26%3D%3F%2F%23%25%C3%BC%E2%82%AC""#),
        (r#"url_decode("a+b%20%c3%BC%25")"#, r#""a+b ü%""#),
        (r#"url_decode("ü")"#, r#""ü""#),
    ]);
}

#[test]
fn times_have_their_known_values() {
    same(&[
        ("format_time(0)", r#""1970-01-01T00:00:00Z""#),
        ("format_time(1719837000123)", r#""2024-07-01T12:30:00.123Z""#),
        ("format_time(-1)", r#""1969-12-31T23:59:59.999Z""#),
        (r#"format_time(951782400000, "%Y-%m-%d %j %A %B")"#, r#""2000-02-29 060 Tuesday February""#),
        (
            r#"format_time(1719837000123, "%Y-%m-%dT%H:%M:%S.%3f%:z", "+05:30")"#,
            r#""2024-07-01T18:00:00.123+05:30""#,
        ),
        (r#"format_time(1704067200000, "%Z %z", "America/New_York")"#, r#""EST -0500""#),
        (r#"parse_time("2024-07-01T12:30:00.123Z")"#, "1719837000123"),
        (r#"parse_time("2024-07-01T14:30:00+02:00")"#, "1719837000000"),
        (r#"parse_time("2024-07-01 14:30 +0200", "%Y-%m-%d %H:%M %z")"#, "1719837000000"),
        (r#"parse_time("01.07.2024 14:30", "%d.%m.%Y %H:%M", "Europe/Berlin")"#, "1719837000000"),
        (r#"parse_time("2024-07-01", "%Y-%m-%d")"#, "1719792000000"),
        // In the hour that summer time skips the clock is an hour later; in the hour that it repeats, it is the first.
        (
            r#"format_time(parse_time("2024-03-31 02:30", "%F %H:%M", "Europe/Berlin"))"#,
            r#""2024-03-31T01:30:00Z""#,
        ),
        (
            r#"format_time(parse_time("2024-10-27 02:30", "%F %H:%M", "Europe/Berlin"))"#,
            r#""2024-10-27T00:30:00Z""#,
        ),
        (
            r#"time_parts(1719837000123, "Europe/Berlin")"#,
            r#"{"day":1,"day_of_year":183,"hour":14,"millisecond":123,"minute":30,"month":7,"offset":7200,"second":0,"weekday":1,"year":2024}"#,
        ),
        ("time_parts(-1).year", "1969"),
        ("time_parts(253402207199999).year", "9999"),
    ]);
}

#[test]
fn now_is_the_time_of_the_tasks_clock() {
    let bench = bench();
    assert_eq!(bench.value("format_time(now())"), r#""2023-11-14T22:13:20Z""#);
    bench.clock.advance(std::time::Duration::from_millis(1500));
    assert_eq!(bench.value("format_time(now())"), r#""2023-11-14T22:13:21.5Z""#);
}

#[test]
fn random_values_differ() {
    let bench = bench();
    for call in
        ["uuid()", "random()", "random_int(0, 9_000_000_000_000_000_000)", "hex_encode(random_bytes(16))"]
    {
        let values: HashSet<_> = (0..50).map(|_| bench.value(call)).collect();
        assert_eq!(values.len(), 50, "{call}");
    }
    let uuid = bench.value("uuid()");
    let uuid = uuid.trim_matches('"');
    assert!(
        uuid.len() == 36 && uuid.as_bytes()[14] == b'4' && b"89ab".contains(&uuid.as_bytes()[19]),
        "{uuid}"
    );
    assert_eq!(bench.value("random_bytes(0).len()"), "0");
}

#[test]
fn wrong_arguments_are_caught_with_function_argument_and_way_out() {
    let bench = bench();
    for (call, message) in [
        ("format_time(\"x\")", "format_time: time: it is of type string; give a whole number"),
        ("format_time(())", "format_time: time: it is unit; give a whole number"),
        (
            "format_time(9_000_000_000_000_000)",
            "format_time: time: it is 9000000000000000, outside the years -9999 to 9999; give milliseconds since 1970",
        ),
        (
            "time_parts(0, \"Europe/Atlantis\")",
            "time_parts: zone: \"Europe/Atlantis\" is not a time zone; give a name such as Europe/Berlin or UTC, or an \
             offset such as +02:00",
        ),
        ("random_int(1.5, 2)", "random_int: from: it is of type f64; give a whole number"),
        ("random_bytes(-1)", "random_bytes: count: it is -1; give 0 or more"),
        ("base64_encode(1)", "base64_encode: data: it is of type i64; give a string or a blob"),
        (
            "base64_decode(\"aü*=\")",
            "base64_decode: text: the character 'ü' at index 1 is not a character of this form of base64; remove line \
             breaks and spaces, and decode `-` and `_` with base64url_decode",
        ),
        ("base64_decode(\"Zm9vY\")", "base64_decode: text: it ends in the middle of a byte; pass all of it"),
        (
            "base64_decode(\"/wA=\")",
            "base64_decode: text: the decoded bytes are not UTF-8, from byte 0 on; use `base64_decode_blob`",
        ),
        (
            "hex_decode(\"6x\")",
            "hex_decode: text: the character 'x' at index 1 is not a hexadecimal digit; remove what is not 0-9, a-f or A-F",
        ),
        ("hex_decode(\"616\")", "hex_decode: text: it has 3 digits, an odd number; pass two for each byte"),
        ("hex_decode_blob(1)", "hex_decode_blob: text: it is of type i64; give a string"),
        (
            "url_decode(\"100%\")",
            "url_decode: text: the character '%' at index 3 has not two hexadecimal digits behind it; write it as %25",
        ),
        (
            "url_decode(\"%ff\")",
            "url_decode: text: the decoded bytes are not UTF-8, from byte 0 on; it is not the `url_encode` of a text",
        ),
    ] {
        assert_eq!(caught(&bench, call), ("invalid".to_owned(), message.to_owned()), "{call}");
    }
    for (call, begins) in [
        ("parse_time(\"2024-07-01\")", "parse_time: text: "),
        ("parse_time(\"2024-02-30T00:00:00Z\")", "parse_time: text: "),
        ("parse_time(\"30.02.2024\", \"%d.%m.%Y\")", "parse_time: text: "),
        ("parse_time(\"x\", \"%Y\")", "parse_time: text: "),
        ("parse_time(\"2024\", \"%Y\")", "parse_time: text: "),
        ("format_time(0, \"%!\")", "format_time: format: "),
        (
            "let f = \"x\"; f.pad(257, 'x'); format_time(0, f)",
            "format_time: format: it has 257 bytes; give at most 256",
        ),
    ] {
        let (kind, message) = caught(&bench, call);
        assert!(kind == "invalid" && message.starts_with(begins), "{call}: {message}");
    }
    let error = bench.error("random_bytes(-1)");
    assert_eq!(
        (error.kind, &*error.message),
        (TaskErrorKind::Runtime, "invalid: random_bytes: count: it is -1; give 0 or more")
    );
}

#[test]
fn results_longer_than_the_scripts_limits_are_refused_before_they_are_made() {
    let config = EngineConfig::new().with_max_string_bytes(1000).with_max_array_size(500);
    let bench = Bench::with(StdlibModule::new().install(config));
    let text = "let t = \"x\"; t.pad(800, 'x'); ";
    for (call, setting) in [
        ("base64_encode(t)", "1068 bytes, more than max_string_bytes, which is 1000"),
        ("base64url_encode(t)", "1068 bytes, more than max_string_bytes, which is 1000"),
        ("hex_encode(t)", "1600 bytes, more than max_string_bytes, which is 1000"),
        (
            "t = \"ü\"; t.pad(200, 'ü'); url_encode(t)",
            "1200 bytes, more than max_string_bytes, which is 1000",
        ),
        ("random_bytes(501)", "501 bytes, more than max_array_size, which is 500"),
        ("random_bytes(9_000_000_000_000_000_000)", "max_array_size"),
        ("base64_decode_blob(t)", "598 bytes, more than max_array_size, which is 500"),
    ] {
        let (kind, message) = caught(&bench, &format!("{text}{call}"));
        assert!(kind == "too_large" && message.contains(setting), "{call}: {message}");
    }
    assert_eq!(bench.value("random_bytes(500).len()"), "500");
    assert_eq!(bench.value("let t = \"x\"; t.pad(750, 'x'); base64_encode(t).len()"), "1000");
}
