//! Requests that scripts send, and the answers that they get.

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use rhai_dispatcher_core::{Outcome, TraceContext};
use rhai_dispatcher_engine::EngineConfig;
use rhai_dispatcher_http::{HttpConfig, HttpModule};
use rhai_dispatcher_test_http::{Answer, Asked, TestServer};
use rhai_dispatcher_tokio_bridge::TokioBridge;
use support::{Bench, bench, bench_with, check_examples, config, error, run_task, value};

#[test]
fn an_answer_is_a_map_of_status_headers_and_body() {
    let server = TestServer::start(|_| {
        Answer::json(r#"{"n": [1, 2.5, null]}"#).with_header("X-Tag", "a").with_header("x-tag", "b")
    });
    let url = server.url("/things?q=1");
    let script =
        format!(r#"let r = http_get("{url}"); [r.status, r.ok, r.headers["x-tag"], r.body, "json" in r]"#);
    assert_eq!(value(&bench(), &script), r#"[200,true,"a, b","{\"n\": [1, 2.5, null]}",false]"#);
    let script = format!(r#"http_get("{url}", #{{parse_json: true}}).json"#);
    assert_eq!(value(&bench(), &script), r#"{"n":[1,2.5,null]}"#);
    let asked = &server.asked()[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("GET", "/things?q=1"));
    assert!(asked.header("user-agent").is_some_and(|agent| agent.starts_with("rhai-dispatcher/")));
    assert_eq!(asked.header("referer"), None);
}

#[test]
fn trace_of_the_task_is_sent_if_the_worker_allows_it() {
    let server = TestServer::start(|asked| match &*asked.path {
        "/away" => Answer::status(302).with_header("location", "/here"),
        _ => Answer::text("ok"),
    });
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let call = |config: HttpConfig, script: String| {
        let mut task = Bench::task(&script);
        let trace = TraceContext::from_headers(traceparent, Some("a=1")).expect("a context");
        task.trace = Some(trace.into());
        let before = server.asked().len();
        let outcome = run_task(&bench_with(config), task);
        assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
        let of = |asked: &Asked, name| asked.header(name).map(str::to_owned);
        let asked = server.asked().split_off(before);
        asked.iter().map(|asked| (of(asked, "traceparent"), of(asked, "tracestate"))).collect::<Vec<_>>()
    };
    let url = server.url("/");
    let allowed = || config(&["127.0.0.1"]);
    let plain = format!(r#"http_get("{url}"); http_post("{url}", "x"); http_request(#{{url: "{url}"}});"#);
    assert_eq!(call(allowed(), plain.clone()), vec![(None, None); 3]);
    let traced = || allowed().with_trace_context(true);
    let both = (Some(traceparent.to_owned()), Some("a=1".to_owned()));
    assert_eq!(call(traced(), plain), vec![both.clone(); 3]);
    let redirected = format!(r#"http_get("{}")"#, server.url("/away"));
    assert_eq!(call(traced(), redirected), vec![both; 2]);
    let own = format!(r#"http_get("{url}", #{{headers: #{{traceparent: "mine"}}}})"#);
    assert_eq!(call(traced(), own), vec![(Some("mine".to_owned()), None)]);
}

#[test]
fn an_answer_that_is_no_success_is_no_error() {
    let server = TestServer::start(|_| Answer::status(404).with_body("<p>no</p>"));
    let script = format!(
        r#"let r = http_get("{}", #{{parse_json: true}}); [r.status, r.ok, r.json]"#,
        server.url("/")
    );
    assert_eq!(value(&bench(), &script), "[404,false,null]");
}

#[test]
fn bodies_are_json_text_bytes_or_forms() {
    let server = TestServer::start(|_| Answer::text("ok"));
    let url = server.url("/");
    let cases = [
        (format!(r#"http_post("{url}", #{{a: [1, ()]}})"#), "application/json", r#"{"a":[1,null]}"#),
        (format!(r#"http_post("{url}", [1])"#), "application/json", "[1]"),
        (format!(r#"http_post("{url}", "a b")"#), "text/plain; charset=utf-8", "a b"),
        (format!(r#"http_post("{url}", blob(2, 65))"#), "application/octet-stream", "AA"),
        (
            format!(r#"http_post("{url}", "<a/>", #{{headers: #{{"Content-Type": "text/xml"}}}})"#),
            "text/xml",
            "<a/>",
        ),
        (
            format!(r#"http_request(#{{method: "put", url: "{url}", json: "x"}})"#),
            "application/json",
            r#""x""#,
        ),
        (
            format!(
                r#"http_request(#{{method: "POST", url: "{url}", form: #{{a: "b c", l: [1, true], m: #{{k: 2.5}}, u: ()}}}})"#
            ),
            "application/x-www-form-urlencoded",
            "a=b+c&l%5B0%5D=1&l%5B1%5D=true&m%5Bk%5D=2.5&u=",
        ),
    ];
    for (number, (script, content_type, body)) in cases.into_iter().enumerate() {
        value(&bench(), &script);
        let asked = &server.asked()[number];
        assert_eq!(asked.header("content-type"), Some(content_type), "{script}");
        assert_eq!(asked.body, body, "{script}");
    }
    value(&bench(), &format!(r#"http_post("{url}", ())"#));
    let asked = server.asked().pop().expect("one");
    assert_eq!((asked.header("content-length"), asked.body.as_str()), (Some("0"), ""));
}

#[test]
fn each_method_has_its_function() {
    let server = TestServer::start(|asked| Answer::text(asked.body.clone()));
    let url = server.url("/");
    for (call, method, body) in [
        (format!(r#"http_put("{url}", #{{a: 1}})"#), "PUT", r#"{"a":1}"#),
        (format!(r#"http_put("{url}", "x", #{{timeout: 5}})"#), "PUT", "x"),
        (format!(r#"http_patch("{url}", [1])"#), "PATCH", "[1]"),
        (format!(r#"http_patch("{url}", (), #{{json: 2}})"#), "PATCH", "2"),
        (format!(r#"http_delete("{url}")"#), "DELETE", ""),
        (format!(r#"http_delete("{url}", #{{body: "x"}})"#), "DELETE", "x"),
        (format!(r#"await_result(http_delete_async("{url}"))"#), "DELETE", ""),
        (format!(r#"await_result(http_put_async("{url}", "y"))"#), "PUT", "y"),
    ] {
        assert_eq!(value(&bench(), &format!("{call}.status")), "200", "{call}");
        let asked = server.asked().pop().expect("one");
        assert_eq!((asked.method.as_str(), asked.body.as_str()), (method, body), "{call}");
    }
    let error = error(&bench(), &format!(r#"http_put("{url}", "x", #{{json: 1}})"#));
    assert_eq!(error, "invalid: options: the body is given already");
}

#[test]
fn what_is_caught_has_the_line_too() {
    for call in ["http_get(`http://localhost/`)", "await_result(http_get_async(`http://localhost/`))"] {
        let script = format!(
            "let e = ();\ntry {{ {call} }} catch (x) {{ e = x }}\n[e.kind, e.value, e.line, e.len()]"
        );
        assert_eq!(value(&bench(), &script), r#"["refused",null,2,4]"#, "{call}");
    }
}

#[test]
fn examples_of_the_reference_run() {
    let server = TestServer::start(|_| Answer::text("ok"));
    let config =
        HttpModule::new(config(&[]), TokioBridge::new()).expect("a client").install(EngineConfig::new());
    let docs = config.docs().last().expect("the module is documented");
    let address = server.url("");
    let address = address.trim_end_matches('/');
    check_examples(docs, |script| value(&bench(), &script.replace("https://api.example.com", address)));
}

#[test]
fn headers_and_a_bearer_token_are_sent() {
    let server = TestServer::start(|_| Answer::text(""));
    let script = format!(
        r#"http_request(#{{url: "{}", bearer: "t0ken", headers: #{{"X-Number": 3, accept: "a/b"}}}}).status"#,
        server.url("/")
    );
    assert_eq!(value(&bench(), &script), "200");
    let asked = &server.asked()[0];
    assert_eq!(asked.header("authorization"), Some("Bearer t0ken"));
    assert_eq!(asked.header("x-number"), Some("3"));
    assert_eq!(asked.header("accept"), Some("a/b"));
}

#[test]
fn requests_are_under_way_at_the_same_time() {
    let server =
        TestServer::start(|asked| Answer::text(asked.path.clone()).with_delay(Duration::from_millis(200)));
    let url = server.url("/");
    let script = format!(
        r#"let r = []; for i in 0..10 {{ r.push(http_get_async("{url}" + i)); }}
           await_all(r).map(|r| r.body)"#
    );
    let started = Instant::now();
    let expected: Vec<_> = (0..10).map(|i| format!("\"/{i}\"")).collect();
    assert_eq!(value(&bench(), &script), format!("[{}]", expected.join(",")));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[test]
fn calls_to_one_server_share_a_connection() {
    let server = TestServer::start(|_| Answer::text("x"));
    let url = server.url("/");
    value(&bench(), &format!(r#"http_get("{url}"); http_get("{url}"); http_post("{url}", "x").status"#));
    let ports: Vec<_> = server.asked().iter().map(|asked| asked.client_port).collect();
    assert!(ports.len() == 3 && ports.iter().all(|port| *port == ports[0]), "{ports:?}");
}

#[test]
fn invalid_options_are_refused_by_name() {
    let server = TestServer::start(|_| Answer::text(""));
    let url = server.url("/");
    for (options, says) in [
        ("timeot: 3", "timeot: this option does not exist; the options are headers, json,"),
        ("timeout: 0", "timeout: it is 0, and should be above 0 and at most 300 seconds"),
        ("timeout: 301", "timeout: it is 301"),
        ("timeout: \"3\"", "timeout: it is a string, not a number of seconds"),
        ("timeout: 0.0/0.0", "timeout: it is NaN"),
        ("retries: 6", "retries: it is 6, and should be from 0 to 5"),
        ("retries: -1", "retries: it is -1"),
        ("retries: 1.5", "retries: it is a number, not a whole number"),
        ("max_redirects: 99", "max_redirects: it is 99"),
        ("max_bytes: 9999999", "max_bytes: it is 9999999"),
        ("parse_json: 1", "parse_json: it is an integer, not true or false"),
        ("headers: 3", "headers: it is an integer, not an object map"),
        ("headers: #{a: [1]}", "headers.a: it is an array, not a string"),
        ("headers: #{\"a b\": \"\"}", "headers.a b: it is not a valid header name"),
        ("headers: #{a: \"x\\r\\ny: z\"}", "headers.a: a header's value is one line of text"),
        ("headers: #{Host: \"a\"}", "headers.Host: this header is not for scripts to set"),
        ("headers: #{\"content-length\": 3}", "headers.content-length: this header is not"),
        ("json: 1, form: #{}", "form: a call has one body"),
        ("json: 1, body: \"\"", "body: a call has one body"),
        ("json: || 1", "json: it is a function pointer, which has no JSON form"),
        ("json: #{a: [timestamp()]}", "json: it has at .a[0] a timestamp, which has no JSON form"),
        ("form: #{a: timestamp()}", "a: a timestamp can't be a field of a form"),
        ("body: 3", "body: it is an integer, not a string"),
        ("bearer: #{}", "bearer: it is an object map, not a string"),
    ] {
        let said = error(&bench(), &format!(r#"http_get("{url}", #{{{options}}})"#));
        assert!(said.starts_with("invalid: ") && said.contains(says), "{options}: {said}");
    }
    for (script, says) in [
        ("http_request(#{})", "url: it is missing"),
        ("http_request(3)", "options: it is an integer, not an object map"),
        ("http_get(3)", "url: it is an integer, not a string"),
        ("http_get(\"nonsense\")", "url: relative URL without a base"),
        ("http_get(\"ftp://example.com/\")", "url: it should begin with http:// or https://"),
        ("http_request(#{url: \"http://a\", method: \"CONNECT\"})", "method: it should be GET,"),
        ("http_get(\"http://ann:hunter2@example.com/\")", "url: it has a user or password in it"),
        ("let s = \"x\"; s.pad(10000, 'x'); http_get(\"http://a/\" + s)", "url: it has more than 8192 bytes"),
        (
            "let s = \"x\"; s.pad(40000, 'x'); http_get(\"http://a/\", #{headers: #{s: s}})",
            "headers: they have more",
        ),
    ] {
        let said = error(&bench(), script);
        assert!(said.starts_with("invalid: ") && said.contains(says), "{script}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    assert!(server.asked().is_empty());
}

#[test]
fn an_error_has_a_kind_and_shows_no_more_than_the_server() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let script = format!(
        r#"let e = (); try {{ http_get("http://{closed}/path?token=hunter2", #{{retries: 0}}) }} catch (x) {{ e = x }} e"#
    );
    let caught = value(&bench(), &script);
    assert!(caught.contains(r#""kind":"connect""#) && caught.contains(&closed.to_string()), "{caught}");
    assert!(!caught.contains("hunter2") && !caught.contains("/path"), "{caught}");
}

#[test]
fn a_call_ends_at_its_timeout() {
    let server = TestServer::start(|_| Answer::text("").with_delay(Duration::from_secs(60)));
    let started = Instant::now();
    let said = error(&bench(), &format!(r#"http_get("{}", #{{timeout: 0.1}})"#, server.url("/")));
    assert!(said.starts_with("timeout: ") && said.contains("no answer within 100ms"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_long_answer_is_refused_however_it_comes() {
    let server = TestServer::start(|_| Answer::text("x".repeat(1000)));
    let url = server.url("/");
    assert_eq!(value(&bench(), &format!(r#"http_get("{url}", #{{max_bytes: 1000}}).body.len"#)), "1000");
    let said = error(&bench(), &format!(r#"http_get("{url}", #{{max_bytes: 999}})"#));
    assert!(said.starts_with("too_large: ") && said.contains("more than 999 bytes"), "{said}");

    // The body has neither a length nor an end.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let endless = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let _ = stream.read(&mut [0; 1024]).expect("a request");
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("it reads");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let said = error(&bench(), &format!(r#"http_get("http://{address}/")"#));
    assert!(said.starts_with("too_large: "), "{said}");
    endless.join().expect("the client closed the connection");
}

#[test]
fn a_call_that_is_dropped_closes_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let bench = bench();
    let mut started = bench.start(&format!(r#"http_get("http://{address}/")"#));
    assert!(started.future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let (mut stream, _) = listener.accept().expect("a client");
    let mut request = [0; 1024];
    assert!(stream.read(&mut request).expect("a request") > 0);
    drop(started);
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    assert_eq!(stream.read(&mut request).ok(), Some(0), "the connection is closed");
}

#[test]
fn calls_that_may_be_repeated_are_tried_again() {
    let server = TestServer::start(|asked| match asked.number % 3 {
        0 => Answer::status(503),
        1 => Answer::hang_up(),
        _ => Answer::text("at last"),
    });
    let url = server.url("/");
    let ask = |script: String| value(&bench(), &script);
    assert_eq!(ask(format!(r#"http_get("{url}").body"#)), r#""at last""#);
    assert_eq!(server.asked().len(), 3);
    // A POST is retried only with a header by which the server recognises it.
    assert_eq!(ask(format!(r#"http_post("{url}", "x").status"#)), "503");
    assert_eq!(server.asked().len(), 4);
    let said = error(&bench(), &format!(r#"http_post("{url}", "x")"#));
    assert!(said.starts_with("network: "), "{said}");
    assert_eq!(ask(format!(r#"http_get("{url}", #{{retries: 0}}).status"#)), "200");
    assert_eq!(server.asked().len(), 6);
    let keyed = r#"#{headers: #{"Idempotency-Key": "k"}}"#;
    assert_eq!(ask(format!(r#"http_post("{url}", "x", {keyed}).body"#)), r#""at last""#);
    assert_eq!(server.asked().len(), 9);
    assert!(server.asked()[6..].iter().all(|asked| asked.body == "x"));
    // The script gets the last answer.
    assert_eq!(ask(format!(r#"http_get("{url}", #{{retries: 0}}).status"#)), "503");
}

#[test]
fn retry_after_is_honoured_up_to_a_limit() {
    let server = TestServer::start(|asked| match (asked.path.as_str(), asked.number) {
        ("/soon", 0) => Answer::status(429).with_header("retry-after", "1"),
        ("/late", _) => Answer::status(429).with_header("retry-after", "3600"),
        _ => Answer::text(""),
    });
    let started = Instant::now();
    assert_eq!(value(&bench(), &format!(r#"http_get("{}").status"#, server.url("/soon"))), "200");
    assert!(started.elapsed() >= Duration::from_secs(1));
    let started = Instant::now();
    assert_eq!(value(&bench(), &format!(r#"http_get("{}").status"#, server.url("/late"))), "429");
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn redirects_are_followed_as_far_as_allowed() {
    let server = TestServer::start(|asked| match asked.path.as_str() {
        "/end" => Answer::text(format!("{} {}", asked.method, asked.body)),
        "/303" => Answer::status(303).with_header("location", "/end"),
        "/302" => Answer::status(302).with_header("location", "end"),
        "/307" => Answer::status(307).with_header("location", "/end"),
        "/file" => Answer::status(302).with_header("location", "file:///etc/passwd"),
        _ => Answer::status(302).with_header("location", "/loop"),
    });
    let post = |path: &str| value(&bench(), &format!(r#"http_post("{}", "x").body"#, server.url(path)));
    assert_eq!(post("/303"), r#""GET ""#);
    assert_eq!(post("/302"), r#""GET ""#);
    assert_eq!(post("/307"), r#""POST x""#);
    let said = error(&bench(), &format!(r#"http_get("{}")"#, server.url("/loop")));
    assert!(said.starts_with("redirect: ") && said.contains("more than 5 redirects"), "{said}");
    let said = error(&bench(), &format!(r#"http_get("{}")"#, server.url("/file")));
    assert!(said.starts_with("redirect: "), "{said}");
    let script = format!(r#"http_get("{}", #{{max_redirects: 0}}).headers.location"#, server.url("/loop"));
    assert_eq!(value(&bench(), &script), r#""/loop""#);
}

#[test]
fn no_more_calls_are_under_way_than_allowed() {
    let server = TestServer::start(|_| Answer::text("").with_delay(Duration::from_millis(50)));
    let bench = bench_with(config(&["127.0.0.1"]).with_max_concurrent(1));
    let url = server.url("/");
    let started = Instant::now();
    value(&bench, &format!(r#"await_all([http_get_async("{url}"), http_get_async("{url}")]).len()"#));
    assert!(started.elapsed() >= Duration::from_millis(100));
}
