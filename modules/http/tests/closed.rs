//! Addresses that scripts can't reach, and secrets that they can't send.

mod support;

use rhai_dispatcher_test_http::{Answer, TestServer};
use support::{KEY, bench, bench_with, config, error, value};

#[test]
fn this_machine_and_its_network_are_closed_by_default() {
    let server = TestServer::start(|_| Answer::text("inside"));
    let port = server.address().port();
    for host in ["127.0.0.1", "localhost", "127.1", "2130706433", "0", "[::1]", "[::ffff:127.0.0.1]"] {
        let said = error(&bench_with(config(&[])), &format!(r#"http_get("http://{host}:{port}/")"#));
        // A machine without IPv6 may have no IPv6 address for localhost.
        assert!(said.starts_with("refused: ") && said.contains("--allow-host"), "{host}: {said}");
    }
    for host in ["169.254.169.254", "10.0.0.1", "192.168.1.1", "100.64.0.1", "[fe80::1]", "[fd00::1]"] {
        let said = error(&bench_with(config(&[])), &format!(r#"http_get("http://{host}/")"#));
        assert!(said.starts_with("refused: "), "{host}: {said}");
    }
    assert!(server.asked().is_empty());
}

#[test]
fn a_redirect_opens_nothing() {
    let inside = TestServer::start(|_| Answer::text("inside"));
    let port = inside.address().port();
    for target in [format!("http://localhost:{port}/"), format!("http://[::ffff:127.0.0.1]:{port}/")] {
        let outside = TestServer::start(move |_| Answer::status(302).with_header("location", &*target));
        let outside_port = outside.address().port();
        let bench = bench_with(config(&[&format!("127.0.0.1:{outside_port}")]));
        let said = error(&bench, &format!(r#"http_get("{}")"#, outside.url("/")));
        assert!(said.starts_with("refused: "), "{said}");
        assert_eq!(outside.asked().len(), 1);
    }
    let outside = TestServer::start(move |_| {
        Answer::status(302).with_header("location", format!("http://127.0.0.1:{port}/"))
    });
    let bench = bench_with(config(&[&outside.address().to_string()]));
    let said = error(&bench, &format!(r#"http_get("{}")"#, outside.url("/")));
    assert!(said.starts_with("refused: ") && said.contains("other ports"), "{said}");
    assert!(inside.asked().is_empty());
}

#[test]
fn an_allowed_name_is_reached_whatever_its_address() {
    let server = TestServer::start(|_| Answer::text("inside"));
    let port = server.address().port();
    let bench = bench_with(config(&["localhost"]));
    assert_eq!(value(&bench, &format!(r#"http_get("http://localhost:{port}/").body"#)), r#""inside""#);
    // A name is allowed here; its address counts as another host.
    let said = error(&bench, &format!(r#"http_get("http://127.0.0.1:{port}/")"#));
    assert!(said.starts_with("refused: "), "{said}");
}

#[test]
fn a_name_that_does_not_exist_is_an_error_of_its_own_kind() {
    let said = error(&bench(), r#"http_get("http://no-such-name.invalid/")"#);
    assert!(said.starts_with("resolve: ") && said.contains("no-such-name.invalid"), "{said}");
}

#[test]
fn headers_stay_with_the_server_that_they_are_for() {
    let other = TestServer::start(|_| Answer::text(""));
    let target = other.url("/");
    let server = TestServer::start(move |_| Answer::status(307).with_header("location", &*target));
    let script = format!(
        r#"http_post("{}", "x", #{{bearer: "t0ken", headers: #{{Cookie: "c", "X-Api-Key": "k", accept: "a/b"}}}}).status"#,
        server.url("/")
    );
    assert_eq!(value(&bench(), &script), "200");
    assert_eq!(server.asked()[0].header("authorization"), Some("Bearer t0ken"));
    let asked = &other.asked()[0];
    for name in ["authorization", "cookie", "x-api-key"] {
        assert_eq!(asked.header(name), None, "{name}");
    }
    assert_eq!((asked.header("accept"), asked.body.as_str()), (Some("a/b"), "x"));
}

#[test]
fn a_secret_leaves_only_in_a_header_for_an_allowed_host() {
    let server = TestServer::start(|asked| {
        let key = asked.header("authorization").unwrap_or_default().to_owned();
        Answer::json(format!("{{\"echo\": \"{key} {}\"}}", asked.body.replace('"', "'")))
            .with_header("x-echo", key)
    });
    let url = server.url("/");
    let bench = bench();
    // The secret is sent to the allowed host, and redacted in the answer.
    let script = format!(r#"let r = http_get("{url}", #{{bearer: KEY}}); [r.body, r.headers["x-echo"]]"#);
    assert_eq!(value(&bench, &script), r#"["{\"echo\": \"Bearer [secret] \"}","Bearer [secret]"]"#);
    assert_eq!(server.asked()[0].header("authorization"), Some(&*format!("Bearer {KEY}")));
    value(&bench, &format!(r#"http_get("{url}", #{{headers: #{{Authorization: KEY}}}})"#));
    assert_eq!(server.asked()[1].header("authorization"), Some(KEY));

    // Everywhere else the secret reads `[secret]`.
    let before = server.asked().len();
    for script in [
        format!(r#"http_post("{url}", KEY)"#),
        format!(r#"http_post("{url}", "k=" + KEY)"#),
        format!(r#"http_post("{url}", `${{KEY}}`)"#),
        format!(r#"http_post("{url}", [KEY])"#),
        format!(r#"http_post("{url}", #{{k: #{{k: KEY}}}})"#),
        format!(r#"http_request(#{{method: "POST", url: "{url}", json: KEY}})"#),
        format!(r#"http_request(#{{method: "POST", url: "{url}", form: #{{k: KEY}}}})"#),
        format!(r#"http_request(#{{method: "POST", url: "{url}?" + KEY, body: KEY}})"#),
        format!(r#"http_post("{url}", "", #{{headers: #{{"X-Key": "k " + KEY}}}})"#),
    ] {
        value(&bench, &script);
    }
    let asked = &server.asked()[before..];
    assert_eq!(asked.len(), 9);
    assert!(!format!("{asked:?}").contains("xyzzy"), "{asked:?}");
    assert!(asked[0].body == "[secret]" && asked[4].body == r#"{"k":{"k":"[secret]"}}"#, "{asked:?}");
}

#[test]
fn a_secret_goes_to_no_other_host() {
    let other = TestServer::start(|_| Answer::text(""));
    let target = other.url("/");
    let server = TestServer::start(move |_| Answer::status(307).with_header("location", &*target));
    value(
        &bench(),
        &format!(r#"http_get("{}", #{{bearer: KEY, headers: #{{accept: KEY}}}})"#, server.url("/")),
    );
    assert!(!format!("{:?}", other.asked()).contains("xyzzy"));
    for script in [
        r#"http_get("http://1.1.1.1/", #{bearer: KEY})"#,
        r#"http_get("http://1.1.1.1/", #{headers: #{"X-Key": KEY}})"#,
        r#"http_get("http://example.com/", #{headers: #{"Authorization": KEY}})"#,
    ] {
        let said = error(&bench(), script);
        assert!(said.starts_with("invalid: headers: a secret is sent only to"), "{said}");
    }
    for script in ["http_get(KEY)", r#"http_get("http://a/", KEY)"#, "http_request(KEY)"] {
        let said = error(&bench(), script);
        assert!(said.contains("it is a secret, not") && !said.contains("xyzzy"), "{said}");
    }
}
