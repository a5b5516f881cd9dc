//! Which calls are retried, and which must not be.

mod support;

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rhai_dispatcher_test_http::{Answer, RawConnection, RawServer, TestServer};
use support::{bench, bench_with, config, error, value};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// The kind of the error that a script catches from a call.
fn caught(call: &str) -> String {
    value(&bench(), &format!("let kind = (); try {{ {call} }} catch (e) {{ kind = e.kind }} kind"))
}

/// A port without a listener.
const DEAD: &str = "127.0.0.1:1";

/// A server that calls `fault` with each connection.
fn faulty(fault: impl Fn(RawConnection) + Send + Sync + 'static) -> RawServer {
    RawServer::start(fault)
}

fn hang_up(mut connection: RawConnection) {
    connection.request();
}

fn no_http(mut connection: RawConnection) {
    connection.request();
    connection.write("not HTTP\r\n\r\n");
}

fn no_tls(mut connection: RawConnection) {
    connection.read_some();
    connection.write("this is not TLS");
}

fn half_a_head(mut connection: RawConnection) {
    connection.request();
    connection.write("HTTP/1.1 200 OK\r\nconten");
}

fn half_a_body(mut connection: RawConnection) {
    connection.request();
    connection.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
}

fn half_a_chunk(mut connection: RawConnection) {
    connection.request();
    connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhal");
}

fn before_it_is_whole(mut connection: RawConnection) {
    connection.read_some();
}

#[test]
fn a_post_that_was_answered_by_a_redirect_is_sent_once_whatever_becomes_of_the_redirect() {
    let broken = faulty(hang_up);
    let half = faulty(half_a_body);
    let garbage = faulty(no_http);
    let no_tls = faulty(no_tls);
    let busy = TestServer::start(|_| Answer::status(503));
    let targets = [
        (format!("http://{DEAD}/"), "connect"),
        ("http://10.0.0.1/".to_owned(), "refused"),
        ("http://no-such-name.invalid/".to_owned(), "resolve"),
        (format!("https://{}/", no_tls.address()), "connect"),
        (broken.url("/"), "network"),
        (half.url("/"), "network"),
        (garbage.url("/"), "network"),
        ("file:///etc/passwd".to_owned(), "redirect"),
        ("http://ann:hunter2@127.0.0.1/".to_owned(), "invalid"),
        (busy.url("/"), ""),
    ];
    for status in [301, 302, 303, 307, 308] {
        for (target, kind) in &targets {
            let location = target.clone();
            let server =
                TestServer::start(move |_| Answer::status(status).with_header("location", &*location));
            let url = server.url("/");
            let expected = if kind.is_empty() { "null".to_owned() } else { format!("\"{kind}\"") };
            let said = caught(&format!(r#"http_post("{url}", "charge 10 EUR")"#));
            assert_eq!(said, expected, "{status} to {target}");
            assert_eq!(server.asked().len(), 1, "{status} to {target}");
        }
    }
}

#[test]
fn an_error_names_the_server_of_the_redirect_that_failed() {
    let server =
        TestServer::start(|_| Answer::status(303).with_header("location", format!("http://{DEAD}/a?b")));
    let said = error(&bench(), &format!(r#"http_post("{}", "x")"#, server.url("/")));
    assert!(said.starts_with(&format!("connect: http://{DEAD}: no connection: ")), "{said}");
}

#[test]
fn a_post_that_may_have_reached_its_server_is_sent_once() {
    let faults: [fn(RawConnection); 5] = [hang_up, no_http, half_a_head, half_a_body, half_a_chunk];
    for fault in faults {
        let server = faulty(fault);
        let url = server.url("/");
        for method in ["POST", "PATCH"] {
            let before = server.requests().len();
            let call = format!(r#"http_request(#{{method: "{method}", url: "{url}", body: "x"}})"#);
            assert_eq!(caught(&call), "\"network\"");
            assert_eq!(server.requests().len(), before + 1, "{method}");
        }
    }
}

#[test]
fn put_and_delete_are_sent_again_and_patch_is_not() {
    let statuses: [fn(RawConnection); 2] = [hang_up, half_a_body];
    for fault in statuses {
        let server = faulty(fault);
        let url = server.url("/");
        for (call, sent) in [
            (format!(r#"http_put("{url}", "x", #{{retries: 2}})"#), 3),
            (format!(r#"http_delete("{url}", #{{retries: 1}})"#), 2),
            (format!(r#"http_patch("{url}", "x", #{{retries: 2}})"#), 1),
            (
                format!(r#"http_patch("{url}", "x", #{{retries: 2, headers: #{{"Idempotency-Key": "k"}}}})"#),
                3,
            ),
        ] {
            let before = server.requests().len();
            assert_eq!(caught(&call), "\"network\"", "{call}");
            assert_eq!(server.requests().len() - before, sent, "{call}");
        }
    }
}

#[test]
fn a_post_whose_body_was_sent_in_part_is_not_begun_again() {
    static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);
    let server = faulty(|connection| {
        CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        before_it_is_whole(connection);
    });
    let call = format!(r#"let s = "x"; s.pad(400_000, 'x'); http_post("{}", s)"#, server.url("/"));
    assert_eq!(caught(&call), "\"network\"");
    assert_eq!(CONNECTIONS.load(Ordering::Relaxed), 1);
    assert!(server.requests().is_empty(), "it came in part only");
}

#[test]
fn repeatable_call_is_retried_after_every_failure() {
    let faults: [fn(RawConnection); 5] = [hang_up, no_http, half_a_head, half_a_body, half_a_chunk];
    for (index, fault) in faults.into_iter().enumerate() {
        let server = faulty(move |mut connection| match connection.number % 3 {
            2 => {
                connection.request();
                connection.write(OK);
            }
            _ => fault(connection),
        });
        let url = server.url("/");
        for call in [
            format!(r#"http_get("{url}")"#),
            format!(r#"http_request(#{{method: "PUT", url: "{url}", body: "x"}})"#),
            format!(r#"http_post("{url}", "x", #{{headers: #{{"Idempotency-Key": "k"}}}})"#),
        ] {
            // Each call has connections of its own.
            assert_eq!(value(&bench(), &format!("{call}.body")), "\"ok\"", "{index}: {call}");
        }
        assert_eq!(server.requests().len(), 9);
    }
}

#[test]
fn a_call_that_reached_no_server_is_begun_again() {
    // No other test uses a port of this address. A server starts to listen on it while the call pauses.
    let free = TcpListener::bind("127.0.0.2:0").and_then(|listener| listener.local_addr());
    let address = free.expect("a port");
    let bench = bench_with(config(&["127.0.0.2"]).with_backoff(Duration::from_millis(400)));
    let script = format!(r#"http_post("http://{address}/", "x", #{{retries: 5}}).body"#);
    let mut started = bench.start(&script);
    assert!(started.poll().is_pending());
    let server = std::thread::spawn(move || {
        let listener = TcpListener::bind(address).expect("the port is free");
        let (mut stream, _) = listener.accept().expect("a client");
        let mut request = [0; 1024];
        let _ = std::io::Read::read(&mut stream, &mut request).expect("a request");
        std::io::Write::write_all(&mut stream, OK.as_bytes()).expect("it reads");
    });
    let ran = futures::executor::block_on(started.future);
    assert!(format!("{ran:?}").contains("ok"), "{ran:?}");
    server.join().expect("one call");
}

#[test]
fn a_redirect_that_keeps_the_method_keeps_the_idempotency_key() {
    let other = TestServer::start(|asked| match asked.number {
        0 => Answer::hang_up(),
        _ => Answer::text("done"),
    });
    let target = other.url("/");
    let server = TestServer::start(move |_| Answer::status(307).with_header("location", &*target));
    let call = format!(
        r#"http_post("{}", "x", #{{headers: #{{"Idempotency-Key": "k", "X-Key": "s"}}}}).body"#,
        server.url("/")
    );
    assert_eq!(value(&bench(), &call), "\"done\"");
    // Both servers recognise the call by its key.
    for asked in [server.asked(), other.asked()] {
        assert_eq!(asked.len(), 2);
        assert!(asked.iter().all(|asked| asked.header("idempotency-key") == Some("k")), "{asked:?}");
    }
    assert!(other.asked().iter().all(|asked| asked.header("x-key").is_none()));
}

#[test]
fn a_key_that_is_a_secret_stays_and_its_call_is_not_repeated_at_another_server() {
    let other = TestServer::start(|_| Answer::hang_up());
    let target = other.url("/");
    let server = TestServer::start(move |_| Answer::status(307).with_header("location", &*target));
    let call = format!(r#"http_post("{}", "x", #{{headers: #{{"Idempotency-Key": KEY}}}})"#, server.url("/"));
    assert_eq!(caught(&call), "\"network\"");
    assert_eq!((server.asked().len(), other.asked().len()), (1, 1));
    assert_eq!(other.asked()[0].header("idempotency-key"), None);
}

#[test]
fn a_connection_that_was_closed_while_it_was_idle_does_no_harm() {
    let (closed, has_closed) = mpsc::channel();
    let server = RawServer::start(move |mut connection| {
        connection.request();
        connection.write(OK);
        connection.end();
        connection.until_closed();
        let _ = closed.send(()); // the test may have ended
    });
    let bench = bench();
    let script = format!(r#"http_post("{}", "x").body"#, server.url("/"));
    for _ in 0..20 {
        assert_eq!(value(&bench, &script), "\"ok\"");
        has_closed.recv_timeout(Duration::from_secs(30)).expect("the client closes its end too");
    }
    assert_eq!(server.requests().len(), 20);
}

#[test]
fn a_connection_that_is_closed_upon_a_second_request_carries_a_post_once() {
    let server = RawServer::start(|mut connection| {
        connection.request();
        connection.write(OK);
        connection.request(); // and closes it
    });
    let url = server.url("/");
    let script = format!(
        r#"http_get("{url}"); let kind = ();
           try {{ http_post("{url}", "x") }} catch (e) {{ kind = e.kind }}
           [kind, http_get("{url}").body, http_get("{url}").body]"#
    );
    // The third GET meets a close too, and is repeated.
    assert_eq!(value(&bench(), &script), r#"["network","ok","ok"]"#);
    let posts = server.requests().iter().filter(|request| request.starts_with("POST")).count();
    assert_eq!(posts, 1);
}

#[test]
fn a_call_that_is_late_is_not_made_again() {
    let before_the_head = RawServer::start(|mut connection| {
        connection.request();
        connection.until_closed();
    });
    let within_the_head = RawServer::start(|mut connection| {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\n");
        connection.until_closed();
    });
    let within_the_body = RawServer::start(|mut connection| {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
        connection.until_closed();
    });
    let before_tls = RawServer::start(RawConnection::until_closed);
    for server in [&before_the_head, &within_the_head, &within_the_body] {
        let url = server.url("/");
        assert_eq!(caught(&format!(r#"http_post("{url}", "x", #{{timeout: 0.2}})"#)), "\"timeout\"");
        assert_eq!(caught(&format!(r#"http_get("{url}", #{{timeout: 0.2}})"#)), "\"timeout\"");
        assert!(server.requests().len() <= 2, "{:?}", server.requests());
    }
    let url = format!("https://{}/", before_tls.address());
    assert_eq!(caught(&format!(r#"http_post("{url}", "x", #{{timeout: 0.2}})"#)), "\"timeout\"");
}

#[test]
fn no_connection_in_time_is_tried_again() {
    // A server that ignores the TLS handshake counts as one that does not answer.
    let (connected, connections) = mpsc::channel();
    let server = RawServer::start(move |connection| {
        let _ = connected.send(()); // the test may have ended
        connection.until_closed();
    });
    let bench = bench_with(config(&["127.0.0.1"]).with_connect_timeout(Duration::from_millis(300)));
    let said = error(&bench, &format!(r#"http_post("https://{}/", "x")"#, server.address()));
    assert!(said.starts_with("timeout: ") && said.contains("no connection in time"), "{said}");
    for _ in 0..3 {
        connections.recv_timeout(Duration::from_secs(30)).expect("a connection");
    }
}

#[test]
fn an_interim_answer_is_no_answer() {
    let server = RawServer::start(|mut connection| {
        connection.request();
        connection.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n");
        connection.write(OK);
    });
    assert_eq!(value(&bench(), &format!(r#"http_post("{}", "x").body"#, server.url("/"))), "\"ok\"");
    assert_eq!(server.requests().len(), 1);
}
