//! Answers that are not plain text, or are larger than a script may hold.

mod support;

use rhai_dispatcher_engine::EngineConfig;
use rhai_dispatcher_http::HttpModule;
use rhai_dispatcher_test_http::{Answer, RawServer, TestServer};
use rhai_dispatcher_tokio_bridge::TokioBridge;
use support::{Bench, bench, bench_with, config, error, value};

/// `gzip` of `hello`.
const GZIP: &[u8] = &[
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 7, 0, 0x86, 0xa6, 0x10, 0x36, 5, 0, 0,
    0,
];

fn bench_of(engine: EngineConfig) -> Bench {
    let http = HttpModule::new(config(&["127.0.0.1"]), TokioBridge::new()).expect("a client");
    Bench::with(http.install(engine))
}

#[test]
fn an_answer_that_is_no_text_is_given_as_bytes() {
    let server = TestServer::start(|asked| match asked.path.as_str() {
        "/gzip" => Answer::text(GZIP).with_header("content-encoding", "gzip"),
        "/gzip-of-json" => Answer::json(GZIP).with_header("content-encoding", "x-gzip"),
        "/brotli" => Answer::text("plain by chance").with_header("content-encoding", "br"),
        "/png" => Answer::text(&b"\x89PNG\r\n\x1a\n\0"[..]).with_header("content-type", "image/png"),
        "/latin-1" => Answer::text(&b"caf\xe9"[..]).with_header("content-type", "text/plain"),
        "/error" => Answer::status(500).with_body(&b"\xff\xff"[..]),
        _ => Answer::text("hello"),
    });
    let bytes = |path: &str| {
        let script = format!(
            r#"let r = http_get("{}", #{{parse_json: true}}); [r.status, r.body, r.json, r.body_bytes.len(), r.body_bytes[0]]"#,
            server.url(path)
        );
        value(&bench(), &script)
    };
    assert_eq!(bytes("/gzip"), "[200,null,null,25,31]");
    assert_eq!(bytes("/gzip-of-json"), "[200,null,null,25,31]");
    assert_eq!(bytes("/brotli"), "[200,null,null,15,112]");
    assert_eq!(bytes("/png"), "[200,null,null,9,137]");
    assert_eq!(bytes("/latin-1"), "[200,null,null,4,99]");
    assert_eq!(bytes("/error"), "[500,null,null,2,255]");
    // By default the client asks servers not to compress.
    assert!(server.asked().iter().all(|asked| asked.header("accept-encoding") == Some("identity")));
    let script =
        format!(r#"http_get("{}", #{{headers: #{{"Accept-Encoding": "gzip"}}}}).ok"#, server.url("/"));
    assert_eq!(value(&bench(), &script), "true");
    assert_eq!(server.asked().last().and_then(|asked| asked.header("accept-encoding")), Some("gzip"));
}

#[test]
fn bytes_that_are_asked_for_come_as_they_are() {
    let server = TestServer::start(|asked| match asked.path.as_str() {
        "/json" => Answer::json("\u{feff}[1]"),
        _ => Answer::text(asked.body.clone()),
    });
    let url = server.url("/json");
    let script = format!(
        r#"let r = http_get("{url}", #{{body_bytes: true, parse_json: true}});
           [r.body, r.json, r.body_bytes == blob([0xef, 0xbb, 0xbf, 91, 49, 93])]"#
    );
    let bench = bench_of(EngineConfig::new().with_setup(|engine| {
        engine.register_fn("blob", |bytes: rhai_dispatcher_engine::rhai::Array| {
            let byte = |byte: rhai_dispatcher_engine::rhai::Dynamic| byte.as_int().ok()?.try_into().ok();
            bytes.into_iter().filter_map(byte).collect::<rhai_dispatcher_engine::rhai::Blob>()
        });
    }));
    assert_eq!(value(&bench, &script), "[null,[1],true]");
    // A script can send the received bytes again unchanged.
    let script = format!(
        r#"let r = http_get("{url}", #{{body_bytes: true}}); http_post("{}", r.body_bytes).body"#,
        server.url("/")
    );
    assert_eq!(value(&bench, &script), "\"[1]\"");
    let said = error(&bench, &format!(r#"http_get("{url}", #{{body_bytes: 1}})"#));
    assert!(said.contains("body_bytes: it is an integer, not true or false"), "{said}");
}

#[test]
fn text_is_read_in_its_charset() {
    let server = TestServer::start(|asked| {
        let (charset, body): (_, &[u8]) = match asked.path.as_str() {
            "/latin-1" => ("iso-8859-1", b"caf\xe9 \x80"),
            "/windows" => ("Windows-1251", b"\xcc\xe8\xf0"),
            "/utf-16" => ("utf-16", b"\xff\xfeh\0i\0"),
            "/japanese" => ("shift_jis", b"\x93\xfa\x96\x7b"),
            "/wrong" => ("utf-8", b"caf\xe9"),
            _ => ("x-unknown", b"caf\xc3\xa9"),
        };
        Answer::text(body).with_header("content-type", format!("text/plain; charset={charset}"))
    });
    for (path, body) in [
        ("/latin-1", "\"café €\""),
        ("/windows", "\"Мир\""),
        ("/utf-16", "\"hi\""),
        ("/japanese", "\"日本\""),
        ("/unknown", "\"café\""),
        ("/wrong", "null"),
    ] {
        assert_eq!(value(&bench(), &format!(r#"http_get("{}").body"#, server.url(path))), body, "{path}");
    }
}

#[test]
fn json_may_begin_with_a_byte_order_mark() {
    let server = TestServer::start(|asked| match asked.path.as_str() {
        "/utf-16" => {
            Answer::json("\u{feff}{\"a\":1}".encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>())
        }
        "/latin-1" => Answer::text(&b"{\"a\":\"\xe9\"}"[..])
            .with_header("content-type", "application/json; charset=latin1"),
        "/twice" => Answer::json("\u{feff}\u{feff}1"),
        "/alone" => Answer::json("\u{feff}"),
        _ => Answer::json("\u{feff}{\"a\":1}"),
    });
    for (path, json, body) in [
        ("/", r#"{"a":1}"#, r#""{\"a\":1}""#),
        ("/utf-16", r#"{"a":1}"#, r#""{\"a\":1}""#),
        ("/latin-1", r#"{"a":"é"}"#, r#""{\"a\":\"é\"}""#),
        ("/twice", "null", "\"\u{feff}1\""),
        ("/alone", "null", "\"\""),
    ] {
        let script =
            format!(r#"let r = http_get("{}", #{{parse_json: true}}); [r.json, r.body]"#, server.url(path));
        assert_eq!(value(&bench(), &script), format!("[{json},{body}]"), "{path}");
    }
}

#[test]
fn an_answer_that_is_more_than_the_script_may_hold_is_an_error_that_it_catches() {
    let server = TestServer::start(|asked| match asked.path.as_str() {
        "/string" => Answer::text("x".repeat(5000)),
        "/grows" => Answer::text(vec![0xe9; 3000]).with_header("content-type", "text/plain; charset=latin1"),
        "/bytes" => Answer::text(vec![0xff; 200]),
        "/array" => Answer::json(format!("[{}0]", "0,".repeat(200))),
        "/arrays" => Answer::json(format!("[{}[]]", "[[]],".repeat(100))),
        "/map" => {
            let fields: Vec<_> = (0..200).map(|n| format!("\"{n}\":0")).collect();
            Answer::json(format!("{{{}}}", fields.join(",")))
        }
        "/deep" => Answer::json(format!("{}{}", "[".repeat(127), "]".repeat(127))),
        "/deeper" => Answer::json(format!("{}{}", "[".repeat(500), "]".repeat(500))),
        _ => Answer::text("x"),
    });
    let mut engine = EngineConfig::new();
    let limits = &mut engine.limits;
    (limits.max_string_bytes, limits.max_array_size, limits.max_map_size) = (4000, 150, 150);
    let bench = bench_of(engine);
    for (path, names) in [
        ("/string", "max_string_bytes, which is 4000"),
        ("/grows", "max_string_bytes, which is 4000"),
        ("/bytes", "max_array_size, which is 150"),
        ("/array", "max_array_size, which is 150"),
        ("/arrays", "max_array_size, which is 150"),
        ("/map", "max_map_size, which is 150"),
        ("/deep", "nested more than 127 levels deep"),
        ("/deeper", "nested more than 127 levels deep"),
    ] {
        let url = server.url(path);
        for call in [
            format!(r#"http_get("{url}", #{{parse_json: true}})"#),
            format!(r#"await_result(http_get_async("{url}", #{{parse_json: true}}))"#),
            format!(r#"await_all([http_get_async("{url}", #{{parse_json: true}})])"#),
        ] {
            let script = format!("let e = (); try {{ {call} }} catch (x) {{ e = x }} e");
            let caught = value(&bench, &script);
            assert!(caught.contains(r#""kind":"too_large""#) && caught.contains(names), "{call}: {caught}");
            let said = error(&bench, &call);
            assert!(said.starts_with("too_large: ") && said.contains(names), "{call}: {said}");
        }
    }
}

#[test]
fn answers_that_are_too_large_together_can_be_fetched_one_by_one() {
    let server = TestServer::start(|_| Answer::json(format!("[{}0]", "0,".repeat(99))));
    let mut engine = EngineConfig::new();
    engine.limits.max_array_size = 250;
    let script = format!(
        r#"let ids = []; for i in 0..3 {{ ids.push(http_get_async("{}", #{{parse_json: true}})) }}
           let kind = (); try {{ await_all(ids) }} catch (e) {{ kind = e.kind }}
           let n = 0; for id in ids {{ n += get_result(id).json.len() }}
           [kind, n]"#,
        server.url("/")
    );
    assert_eq!(value(&bench_of(engine), &script), r#"["too_large",300]"#);
}

#[test]
fn headers_are_bounded_in_number_and_length() {
    let head = |headers: &str| format!("HTTP/1.1 200 OK\r\n{headers}content-length: 0\r\n\r\n");
    let many = |count: usize| (0..count).map(|n| format!("x-{n}: 1\r\n")).collect::<String>();
    for (headers, names) in [
        (many(1000), "max_headers"),
        (many(100), "max_headers"),
        (format!("x: {}\r\n", "y".repeat(40_000)), "max_header_bytes"),
        (format!("{}: y\r\n", "x".repeat(40_000)), "max_header_bytes"),
        (format!("x: {}\r\n", "y".repeat(1_000_000)), "max_header"),
        (format!("{}x: {}\r\n", many(80), "y".repeat(33_000)), "max_header_bytes"),
    ] {
        let answer = head(&headers);
        let server = RawServer::start(move |mut connection| {
            connection.request();
            connection.write(&answer);
        });
        let said = error(&bench(), &format!(r#"http_get("{}")"#, server.url("/")));
        assert!(said.starts_with("too_large: ") && said.contains(names), "{said}");
        assert_eq!(server.requests().len(), 1, "{said}");
    }
    let answer = head(&many(150));
    let server = RawServer::start(move |mut connection| {
        connection.request();
        connection.write(&answer);
    });
    let bench = bench_with(config(&["127.0.0.1"]).with_max_headers(200));
    assert_eq!(value(&bench, &format!(r#"http_get("{}").headers.len()"#, server.url("/"))), "151");
}

#[test]
fn a_body_that_is_too_long_names_the_setting() {
    let server = TestServer::start(|_| Answer::text("x".repeat(1000)));
    let url = server.url("/");
    let said = error(&bench(), &format!(r#"http_get("{url}", #{{max_bytes: 999}})"#));
    assert!(said.contains("more than 999 bytes (max_bytes)"), "{said}");
    let bench = bench_with(config(&["127.0.0.1"]).with_max_response_bytes(998));
    let said = error(&bench, &format!(r#"http_get("{url}")"#));
    assert!(said.contains("more than 998 bytes (max_response_bytes)"), "{said}");
}
