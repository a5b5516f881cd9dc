use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// A server on 127.0.0.1, on a free port, whose answers are bytes: for what no HTTP server does. It
/// ends when it is dropped.
#[derive(Debug)]
pub struct RawServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    /// The heads and bodies of all requests.
    requests: Mutex<Vec<String>>,
    /// The connections that the server still has, to end them with it.
    open: Mutex<Vec<TcpStream>>,
}

/// One connection to a [`RawServer`]. Dropping it closes it.
#[derive(Debug)]
pub struct RawConnection {
    stream: TcpStream,
    shared: Arc<Shared>,
    /// What was read and is of the next request.
    ahead: Vec<u8>,
    /// How many connections came before it.
    pub number: usize,
}

impl RawServer {
    /// Starts a server that does with each connection as `serve` says, on a thread of its own.
    ///
    /// # Panics
    /// If the system gives no port or thread.
    #[must_use]
    pub fn start(serve: impl Fn(RawConnection) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on 127.0.0.1");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::<Shared>::default();
        let (serve, of_thread) = (Arc::new(serve), Arc::clone(&shared));
        let thread = thread::spawn(move || {
            let mut threads = Vec::new();
            for (number, stream) in listener.incoming().enumerate() {
                if of_thread.stopped.load(Ordering::Acquire) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                if let Ok(clone) = stream.try_clone() {
                    of_thread.lock(&of_thread.open).push(clone);
                }
                let (serve, shared) = (Arc::clone(&serve), Arc::clone(&of_thread));
                let connection = RawConnection { stream, shared, ahead: Vec::new(), number };
                threads.push(thread::spawn(move || serve(connection)));
            }
            for thread in threads {
                let _ = thread.join(); // a test that panicked has said so
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path, which begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests that came whole, in the order of arrival, each as it was sent.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.shared.lock(&self.shared.requests).clone()
    }
}

impl Shared {
    fn lock<'a, T>(&self, mutex: &'a Mutex<T>) -> std::sync::MutexGuard<'a, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        for stream in self.shared.lock(&self.shared.open).drain(..) {
            let _ = stream.shutdown(Shutdown::Both); // it may be closed already
        }
        let _ = TcpStream::connect(self.address); // wakes the listener
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a test that panicked has said so
        }
    }
}

impl RawConnection {
    /// Reads one request; `None` if the client closes the connection before it is whole.
    pub fn request(&mut self) -> Option<String> {
        let length = loop {
            let text = String::from_utf8_lossy(&self.ahead);
            if let Some(head) = text.find("\r\n\r\n") {
                let lower = text[..head].to_lowercase();
                let length = lower.split("content-length:").nth(1).and_then(|rest| rest.lines().next());
                let body = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
                if self.ahead.len() >= head + 4 + body {
                    break head + 4 + body;
                }
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.ahead.extend_from_slice(&bytes[..count]),
            }
        };
        let request: Vec<u8> = self.ahead.drain(..length).collect();
        let request = String::from_utf8_lossy(&request).into_owned();
        self.shared.lock(&self.shared.requests).push(request.clone());
        Some(request)
    }

    /// Reads as much as comes at once, at least a byte.
    pub fn read_some(&mut self) {
        let _ = self.stream.read(&mut [0; 64]); // the client may have left
    }

    /// Sends bytes. The client may have left.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()); // then there is nothing to tell
    }

    /// Sends nothing more, which the client takes for a close.
    pub fn end(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write); // the client may have left
    }

    /// Waits until the client closes the connection, or the server ends.
    pub fn until_closed(mut self) {
        while self.stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
    }
}

impl Drop for RawConnection {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both); // the server holds a clone
    }
}
