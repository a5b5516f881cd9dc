//! Frames and requests that are nearly right, over real sockets: other clients are answered, and memory stays bounded.

#[expect(dead_code, unused_imports, reason = "other tests use the rest")]
#[path = "gateway/support/mod.rs"]
mod support;

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use support::{Site, Socket};

/// Connections of each entrance, unless `RHAID_FUZZ_CONNECTIONS` says so.
const CONNECTIONS: u64 = 300;
/// What the process may grow by, in KiB: a connection may hold one message of 2 MiB, and 16 are open at once.
const ROOM: u64 = 128 * 1024;

/// One test for both, in a process of its own: what others allocate meanwhile would count.
#[tokio::test(flavor = "multi_thread")]
async fn broken_frames_and_requests_harm_no_other_client() {
    fuzz(|random, site| {
        let mut bytes = site.upgrade().into_bytes();
        for _ in 0..random.below(12) {
            bytes.extend(frame(random));
        }
        bytes
    })
    .await;
    fuzz(|random, _| (0..random.below(6)).flat_map(|_| request(random)).collect()).await;
}

async fn fuzz(make: impl Fn(&mut Random, &Site) -> Vec<u8>) {
    let connections = std::env::var("RHAID_FUZZ_CONNECTIONS").ok().and_then(|count| count.parse().ok());
    let seed = std::env::var("RHAID_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let connections: u64 = connections.unwrap_or(CONNECTIONS);
    let (site, mut random) = (Site::new().await, Random(seed));
    let mut other = site.socket().await;
    assert_eq!(answered(&mut other, 0).await, 1);
    let before = resident_kib();
    let mut open = Vec::new();
    for number in 0..connections {
        let bytes = make(&mut random, &site);
        let mut stream = TcpStream::connect(site.address).await.expect("a connection");
        // The gateway closes it when it has seen enough; what it does not take at once is left.
        let _ = timeout(Duration::from_millis(50), stream.write_all(&bytes)).await;
        if random.below(4) == 0 {
            let _ = stream.shutdown().await;
        }
        let mut answer = [0; 4096];
        let _ = timeout(Duration::from_millis(5), stream.read(&mut answer)).await;
        open.push(stream);
        if open.len() > 16 {
            open.remove(random.below(16));
        }
        assert_eq!(answered(&mut other, number).await, number + 1, "seed {seed}, connection {number}");
    }
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < ROOM, "seed {seed}: the process has grown by {grown} KiB");
    drop(open);
    assert_eq!(site.call("sum", json!([1, 2, 4])).await["result"], 7);
}

async fn answered(socket: &mut Socket, number: u64) -> u64 {
    let answer = socket.call("sum", json!([number, 1])).await;
    answer["result"].as_u64().unwrap_or_else(|| panic!("{answer}"))
}

/// A frame of a WebSocket: in most a valid one with a nearly valid message, in others a part of it is broken.
fn frame(random: &mut Random) -> Vec<u8> {
    let payload = message(random);
    let opcode = match random.below(8) {
        0 => random.byte() & 0x0f,
        1 => 0x9,
        2 => 0x0,
        3 => 0x2,
        _ => 0x1,
    };
    let is_last = u8::from(random.below(6) > 0) << 7;
    let reserved = if random.below(20) == 0 { 0x40 } else { 0 };
    let mask_bit = u8::from(random.below(20) > 0) << 7;
    let length = match random.below(20) {
        // One that is not that of the payload.
        0 => random.next() >> random.below(64),
        _ => payload.len() as u64,
    };
    let mut bytes = vec![is_last | reserved | opcode];
    match length {
        0..=125 => bytes.push(mask_bit | length as u8),
        126..=0xffff => {
            bytes.push(mask_bit | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(mask_bit | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    let mask =
        if mask_bit == 0 { [0; 4] } else { random.next().to_be_bytes()[..4].try_into().expect("four bytes") };
    if mask_bit != 0 {
        bytes.extend(mask);
    }
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// A request of HTTP: in most a valid one with a nearly valid message, in others a part of it is broken.
fn request(random: &mut Random) -> Vec<u8> {
    let body = message(random);
    let path = ["/rpc", "/rpc", "/rpc", "/", "/ws", "/nothing", "/rpc?%00", "*"][random.below(8)];
    let method = ["POST", "POST", "POST", "GET", "PUT", "BREW"][random.below(6)];
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n");
    let length = match random.below(10) {
        0 => random.next() >> random.below(64),
        _ => body.len() as u64,
    };
    let is_chunked = random.below(8) == 0;
    match is_chunked {
        true => head.push_str("transfer-encoding: chunked\r\n"),
        false => head.push_str(&format!("content-length: {length}\r\n")),
    }
    for _ in 0..random.below(3) {
        head.push_str(&format!("x-{}: {}\r\n", random.below(9), "x".repeat(random.below(3_000))));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    if is_chunked {
        bytes.extend(format!("{:x}\r\n", length).into_bytes());
    }
    bytes.extend(body);
    if is_chunked {
        bytes.extend_from_slice(b"\r\n0\r\n\r\n");
    }
    if random.below(6) == 0 {
        let at = random.below(bytes.len());
        bytes[at] = random.byte();
    }
    bytes
}

/// A text that is nearly JSON-RPC.
fn message(random: &mut Random) -> Vec<u8> {
    const PARTS: [&str; 12] = [
        r#"{"jsonrpc":"2.0","method":"sum","params":[1,2],"id":1}"#,
        r#"{"jsonrpc":"2.0","method":"play","params":["1"],"id":null}"#,
        r#"{"jsonrpc":"2.0","method":"task.subscribe","params":["x"],"id":"y"}"#,
        r#"{"jsonrpc":"2.0","method":"sum","params":[1e400]}"#,
        "[",
        "]",
        "{",
        "}",
        ",",
        "\"\\ud800\"",
        "null",
        "-0",
    ];
    let mut text: String = (0..1 + random.below(4)).map(|_| PARTS[random.below(PARTS.len())]).collect();
    match random.below(40) {
        // Longer than a message may be.
        0 => text.push_str(&" ".repeat(3 << 20)),
        1 => text.push_str(&"[".repeat(200_000)),
        _ => {}
    }
    let mut bytes = text.into_bytes();
    if random.below(4) == 0 {
        let at = random.below(bytes.len());
        bytes[at] = random.byte();
    }
    bytes
}

/// Numbers that a seed determines: splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

impl Site {
    /// The request that makes a connection a WebSocket.
    fn upgrade(&self) -> String {
        let host = self.address;
        format!(
            "GET /ws HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
    }
}
