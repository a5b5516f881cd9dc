use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A TCP proxy on 127.0.0.1 whose network can be made to fail in the ways that networks do.
///
/// Faults hold for all connections until [`heal`](Self::heal), except those of [`half_open`](Self::half_open) and
/// [`cut`](Self::cut), which strike the connections that are there.
#[derive(Debug)]
pub struct FaultyProxy {
    shared: Arc<Shared>,
    address: SocketAddr,
}

/// The directions in which bytes go through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From clients to the server.
    ToServer,
    /// From the server to clients.
    ToClient,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// The state has changed.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    target: SocketAddr,
    /// Whether bytes are held back, to the server and to the client.
    hole: [bool; 2],
    /// How long bytes are on their way in each direction.
    latency: Duration,
    /// How much longer they are on connections that are made from now on.
    latency_of_new: Duration,
    /// Connections with a lower number are dead, and look alive.
    dead_below: u64,
    /// The number of the next connection.
    next: u64,
    connections: Vec<(u64, [TcpStream; 2])>,
    is_closed: bool,
}

/// Bytes on their way, with the time at which they arrive; none at the end of the stream.
type Parcel = (Instant, Option<Vec<u8>>);

impl FaultyProxy {
    /// A proxy to a port of 127.0.0.1, that fails in no way yet.
    ///
    /// # Panics
    /// If no port is free.
    #[must_use]
    pub fn start(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let state = State {
            target: (Ipv4Addr::LOCALHOST, target).into(),
            hole: [false; 2],
            latency: Duration::ZERO,
            latency_of_new: Duration::ZERO,
            dead_below: 0,
            next: 0,
            connections: Vec::new(),
            is_closed: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.lock().is_closed {
                    break;
                }
                // A client that went at once is none of the proxy's concern.
                let _ = stream.and_then(|stream| accepting.connect(stream));
            }
        });
        Self { shared, address }
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL of the Redis server behind it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}/", self.address)
    }

    /// Holds all bytes of that direction back, and new connections if it is the one to the server. The sockets stay
    /// open, and what was held back arrives with [`heal`](Self::heal).
    pub fn black_hole(&self, direction: Direction) {
        self.change(|state| state.hole[direction as usize] = true);
    }

    /// Lets bytes arrive so much later, in each direction.
    pub fn set_latency(&self, latency: Duration) {
        self.change(|state| state.latency = latency);
    }

    /// Lets bytes of connections that are made from now on arrive so much later than those of others, for as long as they
    /// are there.
    pub fn set_latency_of_new(&self, latency: Duration) {
        self.change(|state| state.latency_of_new = latency);
    }

    /// Lets the connections that are there die without an end: their sockets stay open, and no byte arrives any more.
    /// New connections work.
    pub fn half_open(&self) {
        self.change(|state| state.dead_below = state.next);
    }

    /// Closes the connections that are there.
    pub fn cut(&self) {
        let connections = std::mem::take(&mut self.shared.lock().connections);
        self.shared.changed.notify_all();
        close(connections);
    }

    /// Leads new connections to another port of 127.0.0.1. Those that are there stay where they are.
    pub fn set_target(&self, port: u16) {
        self.change(|state| state.target.set_port(port));
    }

    /// How many connections there are, of which the dead ones are only those that neither end has closed.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.lock().connections.len()
    }

    /// Ends black holes and latency.
    pub fn heal(&self) {
        self.change(|state| (state.hole, state.latency) = ([false; 2], Duration::ZERO));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.lock());
        self.shared.changed.notify_all();
    }
}

impl Drop for FaultyProxy {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_closed = true;
        let connections = std::mem::take(&mut state.connections);
        drop(state);
        self.shared.changed.notify_all();
        close(connections);
        // So that it stops to accept.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects a client to the server, on threads of its own: a black hole keeps it from that.
    fn connect(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let number = {
            let mut state = self.lock();
            state.next += 1;
            state.next - 1
        };
        let shared = Arc::clone(self);
        thread::Builder::new().spawn(move || {
            let Some(target) = shared.wait_for_target(number) else { return };
            let Ok(server) = TcpStream::connect(target) else { return };
            // The client sees the end of a connection that can't be served.
            let _ = shared.carry(number, client, server);
        })?;
        Ok(())
    }

    /// Where a new connection goes, once it goes anywhere.
    fn wait_for_target(&self, number: u64) -> Option<SocketAddr> {
        let state = self.lock();
        let held_back = |state: &mut State| {
            !state.is_closed && (state.hole[Direction::ToServer as usize] || number < state.dead_below)
        };
        let state = self.changed.wait_while(state, held_back).unwrap_or_else(PoisonError::into_inner);
        (!state.is_closed).then_some(state.target)
    }

    fn carry(self: &Arc<Self>, number: u64, client: TcpStream, server: TcpStream) -> io::Result<()> {
        server.set_nodelay(true)?;
        let own_latency = {
            let mut state = self.lock();
            if state.is_closed {
                return Ok(());
            }
            state.connections.push((number, [client.try_clone()?, server.try_clone()?]));
            state.latency_of_new
        };
        let ways = [
            (Direction::ToServer, client.try_clone()?, server.try_clone()?),
            (Direction::ToClient, server, client),
        ];
        for (direction, from, to) in ways {
            let (sender, receiver) = mpsc::channel();
            let (reading, writing) = (Arc::clone(self), Arc::clone(self));
            thread::Builder::new().spawn(move || reading.read(from, own_latency, &sender))?;
            thread::Builder::new().spawn(move || {
                let _ = writing.write(number, direction, to, &receiver); // it is closed in any case
                writing.end(number);
            })?;
        }
        Ok(())
    }

    /// Takes bytes until the end of the stream.
    fn read(&self, mut from: TcpStream, own_latency: Duration, sender: &Sender<Parcel>) {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let length = from.read(&mut bytes).unwrap_or(0);
            let arrival = Instant::now() + self.lock().latency + own_latency;
            let parcel = (length > 0).then(|| bytes[..length].to_vec());
            if sender.send((arrival, parcel)).is_err() || length == 0 {
                return;
            }
        }
    }

    /// Delivers bytes when they are due and nothing holds them back.
    fn write(
        &self,
        number: u64,
        direction: Direction,
        mut to: TcpStream,
        receiver: &Receiver<Parcel>,
    ) -> io::Result<()> {
        while let Ok((arrival, parcel)) = receiver.recv() {
            thread::sleep(arrival.saturating_duration_since(Instant::now()));
            let held_back = |state: &mut State| {
                let is_open = state.connections.iter().any(|(open, _)| *open == number);
                is_open && (state.hole[direction as usize] || number < state.dead_below)
            };
            drop(self.changed.wait_while(self.lock(), held_back).unwrap_or_else(PoisonError::into_inner));
            let Some(bytes) = parcel else { break };
            to.write_all(&bytes)?;
        }
        Ok(())
    }

    /// Closes a connection of which one end has been closed.
    fn end(&self, number: u64) {
        let mut state = self.lock();
        let ended: Vec<_> = state.connections.extract_if(.., |(open, _)| *open == number).collect();
        drop(state);
        // The other direction may be held back.
        self.changed.notify_all();
        close(ended);
    }
}

fn close(connections: Vec<(u64, [TcpStream; 2])>) {
    for stream in connections.into_iter().flat_map(|(_, streams)| streams) {
        let _ = stream.shutdown(Shutdown::Both); // it may have been closed already
    }
}
