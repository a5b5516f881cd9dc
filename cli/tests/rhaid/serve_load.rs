//! Many clients, and hostile ones. `RHAID_CONNECTIONS=10000` opens that many connections; the tests open 1,000.

#![expect(clippy::print_stdout, reason = "the tests report how much memory they take")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::metrics::Scrape;
use crate::serve::Serving;
use crate::site::Site;

const ADD: &str = r#"{"jsonrpc":"2.0","id":1,"method":"demo.add","params":[1,2]}"#;
const SUM: &str = r#"{"jsonrpc":"2.0","result":3,"id":1}"#;

/// Limit on the wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(serving: &Serving) -> TcpStream {
    let stream = TcpStream::connect(&serving.address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// A WebSocket, as far as its head.
fn upgraded(serving: &Serving) -> TcpStream {
    let mut stream = connect(serving);
    let head = "GET /ws HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("written");
    let mut received = Vec::new();
    while !received.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("an answer");
        received.push(byte[0]);
    }
    assert!(received.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&received));
    stream
}

#[test]
fn connections_that_are_opened_and_left_take_little_memory() {
    let count =
        std::env::var("RHAID_CONNECTIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000_usize);
    let (all, address) = (format!("max_connections={}", count + 10), "max_connections_per_address=1000000");
    let serving = Serving::start(&["--gateway-limit", &all, "--gateway-limit", address]);
    assert_eq!(serving.rpc(None, ADD), SUM);
    let before = serving.memory();
    // Half of them are WebSockets, a quarter has begun a request, and a quarter has sent nothing.
    let open: Vec<_> = (0..count)
        .map(|number| match number % 4 {
            0 | 1 => upgraded(&serving),
            2 => {
                let mut stream = connect(&serving);
                stream.write_all(b"POST /rpc HTTP/1.1\r\nhost: localhost\r\n").expect("written");
                stream
            }
            _ => connect(&serving),
        })
        .collect();
    assert_eq!(serving.rpc(None, ADD), SUM, "others are answered");
    let during = serving.memory();
    let each = during.saturating_sub(before) as f64 / count as f64;
    println!("{count} connections: {before} KiB before, {during} KiB during, {each:.1} KiB each");
    assert!(each < 64.0, "{each:.1} KiB for each of {count} connections");
    drop(open);
    assert_eq!(serving.rpc(None, ADD), SUM);
    assert_eq!(serving.end().code, Some(0));
}

#[test]
fn message_of_a_gigabyte_is_not_kept() {
    const GIGABYTE: u64 = 1 << 30;
    let serving = Serving::start(&[]);
    assert_eq!(serving.rpc(None, ADD), SUM);
    let before = serving.memory();
    let head = "POST /rpc HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let mut by_length = connect(&serving);
    by_length.write_all(format!("{head}content-length: {GIGABYTE}\r\n\r\n").as_bytes()).expect("written");
    let mut by_chunks = connect(&serving);
    by_chunks
        .write_all(format!("{head}transfer-encoding: chunked\r\n\r\n{GIGABYTE:x}\r\n").as_bytes())
        .expect("written");
    let mut by_frame = upgraded(&serving);
    // The head of a text frame with a mask and a length of 64 bits.
    let frame = [&[0x81, 0xff][..], &GIGABYTE.to_be_bytes(), &[0; 4]].concat();
    by_frame.write_all(&frame).expect("written");
    for stream in [&mut by_length, &mut by_chunks, &mut by_frame] {
        let sent = send(stream, GIGABYTE);
        assert!(sent < GIGABYTE, "the connection was closed before its end");
    }
    let after = serving.memory();
    println!("a gigabyte three times: {before} KiB before, {after} KiB after");
    assert!(after < before + 32 * 1024, "{before} KiB before, {after} KiB after");
    assert_eq!(serving.rpc(None, ADD), SUM, "others are answered");
    assert_eq!(serving.end().code, Some(0));
}

/// Sends zeros until the connection is closed. Returns how many bytes were taken.
fn send(stream: &mut TcpStream, bytes: u64) -> u64 {
    let zeros = vec![b'0'; 64 * 1024];
    let mut sent = 0;
    while sent < bytes {
        match stream.write(&zeros) {
            Ok(len) => sent += u64::try_from(len).expect("a length"),
            Err(error) => {
                assert!(
                    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
                    "{error}"
                );
                break;
            }
        }
    }
    sent
}

#[test]
fn batch_of_100_000_is_refused_without_being_kept() {
    let serving = Serving::start(&["--gateway-limit", "max_message_bytes=16777216"]);
    assert_eq!(serving.rpc(None, ADD), SUM);
    let before = serving.memory();
    let batch = format!("[{}]", vec![ADD; 100_000].join(","));
    let mut stream = connect(&serving);
    let head =
        "POST /rpc HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n";
    stream
        .write_all(format!("{head}content-length: {}\r\n\r\n{batch}", batch.len()).as_bytes())
        .expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains("-32005") && answer.contains("the batch has 100000 entries"), "{answer}");
    let after = serving.memory();
    println!("a batch of {} bytes: {before} KiB before, {after} KiB after", batch.len());
    assert!(after < before + 64 * 1024, "{before} KiB before, {after} KiB after");
    assert_eq!(serving.rpc(None, ADD), SUM, "others are answered");
}

#[test]
fn records_of_waits_that_end_together_are_not_held_all_at_once() {
    const WAITS: usize = 120;
    let site = Site::new();
    let serving = Serving::start(&["--url", site.url()]);
    let submit = |number| {
        let script = "let s = \"x\"; while s.len() < 500000 { s += s } s";
        let params = json!({ "script": script, "worker_id": "later" });
        json!({ "jsonrpc": "2.0", "id": number, "method": "play.submit", "params": params })
    };
    let submitted = serving.rpc(None, &Value::from_iter((0..WAITS).map(submit)).to_string());
    let submitted: Vec<Value> = serde_json::from_str(&submitted).expect("answers");
    // A client that takes no answers.
    let mut stream = upgraded(&serving);
    for task in &submitted {
        let params = json!([task["result"]["taskId"], 60]);
        let wait = json!({ "jsonrpc": "2.0", "id": 1, "method": "task.wait", "params": params }).to_string();
        let len = u16::try_from(wait.len()).expect("a short message");
        // The head of a text frame with a mask of zeros and a length of 16 bits.
        let frame = [&[0x81, 0xfe][..], &len.to_be_bytes(), &[0; 4], wait.as_bytes()].concat();
        stream.write_all(&frame).expect("written");
    }
    let in_flight = || Scrape::of(&serving.address).value("rhai_gateway_calls_in_flight");
    site.until("all waits have begun", || in_flight() == WAITS as f64);
    let before = serving.memory();
    let _worker = site.worker_for("later", &[]);
    let list =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "activity.list", "params": ["worker:later", 1000] });
    site.until("all tasks have ended", || {
        let answer: Value = serde_json::from_str(&serving.rpc(None, &list.to_string())).expect("an answer");
        answer["result"]["entries"].as_array().map(Vec::len) == Some(WAITS)
    });
    let after = serving.memory();
    println!("{WAITS} waits for 512 KiB each: {before} KiB before, {after} KiB after");
    assert!(after < before + 40 * 1024, "{before} KiB before, {after} KiB after");
}
