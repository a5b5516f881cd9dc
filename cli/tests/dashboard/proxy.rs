use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// A reverse proxy that serves a gateway below a path, as one of a company does: it takes the path off, and answers all other
/// paths itself. Bodies, events and WebSockets pass as they come. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    /// Where the gateway is.
    to: SocketAddr,
    /// Begins and ends with a slash.
    path: &'static str,
    is_over: AtomicBool,
    /// What was asked for outside of the path: the line of the request, and its cookie.
    strays: Mutex<Vec<(String, Option<String>)>>,
}

impl Proxy {
    pub(crate) fn start(to: SocketAddr, path: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared { to, path, is_over: AtomicBool::new(false), strays: Mutex::default() });
        let accepting = Arc::clone(&shared);
        let accepting = thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.is_over.load(Ordering::Relaxed) {
                    return;
                }
                let (client, shared) = (client.expect("a connection"), Arc::clone(&accepting));
                // It ends with its connection.
                thread::spawn(move || drop(shared.pass(client)));
            }
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    /// The address of a page, whose path is given from that of the gateway.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{}{path}", self.address, self.shared.path)
    }

    /// The address of the host itself, which is not the gateway's.
    pub(crate) fn host_url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// What was asked for outside of the path since the last time.
    pub(crate) fn take_strays(&self) -> Vec<(String, Option<String>)> {
        std::mem::take(&mut self.shared.strays.lock().expect("a lock"))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // It wakes the thread, which then ends.
        let _ = TcpStream::connect(self.address);
        let _ = self.accepting.take().map(JoinHandle::join);
    }
}

impl Shared {
    /// Serves one request, and what follows it on the connection if that becomes a WebSocket.
    fn pass(&self, client: TcpStream) -> std::io::Result<()> {
        let mut asked = BufReader::new(client.try_clone()?);
        let (mut line, mut headers) = (String::new(), Vec::new());
        asked.read_line(&mut line)?;
        loop {
            let mut header = String::new();
            if asked.read_line(&mut header)? == 0 {
                return Ok(());
            }
            if header == "\r\n" {
                break;
            }
            headers.push(header);
        }
        let Some(inner) = without(self.path, &line) else { return self.stray(client, line, &headers) };
        let is_upgrade = headers.iter().any(|header| header.to_lowercase().starts_with("upgrade:"));
        // Each request has a connection of its own, so that all of it can be passed on as it comes.
        headers.retain(|header| is_upgrade || !header.to_lowercase().starts_with("connection:"));
        let mut head = format!("{inner}{}", headers.concat());
        if !is_upgrade {
            head.push_str("connection: close\r\n");
        }
        let prefix = self.path.trim_end_matches('/');
        head.push_str(&format!("x-forwarded-for: 127.0.0.1\r\nx-forwarded-prefix: {prefix}\r\n\r\n"));
        let mut gateway = TcpStream::connect(self.to)?;
        gateway.write_all(head.as_bytes())?;
        let (up, down) = (gateway.try_clone()?, client);
        let upward = thread::spawn(move || drop(copy(asked, up)));
        drop(copy(gateway, down));
        upward.join().expect("no panic");
        Ok(())
    }

    fn stray(&self, mut client: TcpStream, line: String, headers: &[String]) -> std::io::Result<()> {
        let cookie = headers.iter().find(|header| header.to_lowercase().starts_with("cookie:")).cloned();
        self.strays.lock().expect("a lock").push((line, cookie));
        let body = "another program of this host";
        let head = "HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\nconnection: close";
        write!(client, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }
}

/// A line such as `GET /path/x HTTP/1.1` without that path, if it begins with it.
fn without(path: &str, line: &str) -> Option<String> {
    let (method, rest) = line.split_once(' ')?;
    Some(format!("{method} /{}", rest.strip_prefix(path)?))
}

/// Passes on what comes, at once, until either end has gone. Then both have.
fn copy(mut from: impl Read, mut to: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    let copied = loop {
        match from.read(&mut buffer) {
            Ok(0) => break Ok(()),
            Ok(len) => {
                if let Err(error) = to.write_all(&buffer[..len]) {
                    break Err(error);
                }
            }
            Err(error) => break Err(error),
        }
    };
    let _ = to.shutdown(Shutdown::Both);
    copied
}
