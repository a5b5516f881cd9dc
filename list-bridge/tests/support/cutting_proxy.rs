use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// A proxy to a Redis server that passes on so many commands, over all connections, and then cuts all of them. It takes no
/// more, so that the client is as good as dead, unless it heals.
pub(crate) struct CuttingProxy {
    shared: Arc<Shared>,
    address: SocketAddr,
}

/// Where the last command gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server does not get it.
    Before,
    /// The server carries it out, and the answer is lost.
    After,
}

struct Shared {
    state: Mutex<State>,
    cut: Cut,
    /// Whether new connections are passed on after the cut.
    heals: bool,
}

struct State {
    /// How many commands are passed on before the last one.
    left: usize,
    is_cut: bool,
    /// The proxy was dropped.
    is_closed: bool,
    /// Client and server of each connection.
    connections: Vec<[TcpStream; 2]>,
}

impl CuttingProxy {
    /// Cuts at command number `at`, 1-based.
    pub(crate) fn start(port: u16, at: usize, cut: Cut) -> Self {
        Self::new(port, at, cut, false)
    }

    /// The same, and passes on all that comes later.
    pub(crate) fn start_healing(port: u16, at: usize, cut: Cut) -> Self {
        Self::new(port, at, cut, true)
    }

    fn new(port: u16, at: usize, cut: Cut, heals: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let state = State { left: at - 1, is_cut: false, is_closed: false, connections: Vec::new() };
        let shared = Arc::new(Shared { state: Mutex::new(state), cut, heals });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
                let mut state = accepting.lock();
                if state.is_closed || (state.is_cut && !accepting.heals) {
                    return;
                }
                let pair = [client.try_clone(), server.try_clone()].map(|clone| clone.expect("a clone"));
                state.connections.push(pair);
                drop(state);
                let commands = Arc::clone(&accepting);
                let (from, to) = (client.try_clone().expect("a clone"), server.try_clone().expect("a clone"));
                thread::spawn(move || commands.pass_commands(from, to));
                let answers = Arc::clone(&accepting);
                thread::spawn(move || answers.pass_answers(server, client));
            }
        });
        Self { shared, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}/", self.address)
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.shared.lock().is_cut
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_closed = true;
        state.cut();
        drop(state);
        // The listener ends with its next connection.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass_commands(&self, from: TcpStream, mut to: TcpStream) {
        let mut from = BufReader::new(from);
        while let Some(command) = read_command(&mut from) {
            let mut state = self.lock();
            if state.is_cut && !self.heals {
                break;
            }
            let is_last = state.left == 0 && !state.is_cut;
            if !is_last || self.cut == Cut::After {
                let _ = to.write_all(&command);
            }
            if is_last {
                state.cut();
            } else {
                state.left = state.left.saturating_sub(1);
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }

    fn pass_answers(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count) = from.read(&mut bytes) {
            if count == 0 {
                break;
            }
            // After the cut it is read all the same: a server that can't write its answers may not read commands.
            let _ = to.write_all(&bytes[..count]);
        }
        let _ = to.shutdown(Shutdown::Both);
    }
}

impl State {
    fn cut(&mut self) {
        self.is_cut = true;
        for [client, server] in self.connections.drain(..) {
            let _ = client.shutdown(Shutdown::Both);
            // The server carries out what it has got before it finds the end.
            let _ = server.shutdown(Shutdown::Write);
        }
    }
}

/// The next command: an array of texts, or a line (`HELLO 3`).
fn read_command(from: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut command = Vec::new();
    if from.fill_buf().ok()?.first()? != &b'*' {
        from.read_until(b'\n', &mut command).ok()?;
        return Some(command);
    }
    let parts = read_number(from, &mut command)?;
    for _ in 0..parts {
        let length = read_number(from, &mut command)?;
        let start = command.len();
        command.resize(start + length + 2, 0);
        from.read_exact(&mut command[start..]).ok()?;
    }
    Some(command)
}

/// The number in a line such as `*3` or `$12`, which is added to `command`.
fn read_number(from: &mut impl BufRead, command: &mut Vec<u8>) -> Option<usize> {
    let start = command.len();
    from.read_until(b'\n', command).ok().filter(|count| *count > 0)?;
    std::str::from_utf8(&command[start + 1..]).ok()?.trim_end().parse().ok()
}
