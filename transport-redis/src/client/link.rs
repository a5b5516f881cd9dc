use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::dial::Closed;
use super::{ClientError, Connection, Network};

/// The shortest and longest pause between two tries to connect. The first is short because most
/// outages are restarts; the longest, because a thousand clients must not storm a server that is
/// just coming back, and still be there soon after. One that is less patient pauses no longer than that.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

/// A connection that held no longer than this was no success.
const SHORT: Duration = Duration::from_millis(100);

/// The number that the last connection of this process was given.
static LAST_NUMBER: AtomicU64 = AtomicU64::new(0);

/// Says to drop every connection, and to make no more.
const EVERY: u64 = u64::MAX;

/// A connection that is made when it is first needed, and again whenever it breaks.
///
/// When an answer is overdue a new connection is made beside it. If the new one is there before the old one is heard
/// again, the old one is taken for dead and left: the commands on it end as lost, and are sent on the new one if they may
/// be repeated. A network that is slow, and not dead, answers first.
#[derive(Debug, Clone)]
pub(super) struct Link {
    inner: Arc<LinkInner>,
    _holder: Arc<Holder>,
}

/// Ends the connection with the last link.
#[derive(Debug)]
struct Holder(Arc<LinkInner>);

/// Where a link stands.
#[derive(Debug, Clone)]
enum LinkState {
    /// It was not requested yet, or the server refused it.
    Idle,
    /// It is being made; why there is none, if there was one or a try.
    Connecting(Option<String>),
    /// It is there, with its number.
    Up(Connection, u64),
    /// The server refuses this client.
    Refused(ClientError),
}

#[derive(Debug)]
struct LinkInner {
    network: Arc<Network>,
    /// How many messages of channels wait to be received.
    messages: usize,
    /// After how long an answer is overdue.
    patience: Duration,
    state: watch::Sender<LinkState>,
    /// Says to drop the connection with that number.
    drop: watch::Sender<u64>,
    /// The last connection that its user has closed, since it has no more use for it. It is not at fault.
    closed: AtomicU64,
    /// The number of the last connection; 0 before the first.
    number: AtomicU64,
    /// How often a connection of this purpose was made in place of another.
    reconnects: Arc<watch::Sender<u64>>,
    /// The generation of the connection that is there.
    generation: AtomicU64,
}

impl Link {
    /// One on which so many messages of channels may wait to be received. It adds to `reconnects`.
    pub(super) fn new(
        network: Arc<Network>,
        messages: usize,
        patience: Duration,
        reconnects: Arc<watch::Sender<u64>>,
    ) -> Self {
        let inner = LinkInner {
            network,
            messages,
            patience,
            state: watch::Sender::new(LinkState::Idle),
            drop: watch::Sender::new(0),
            closed: AtomicU64::new(0),
            number: AtomicU64::new(0),
            reconnects,
            generation: AtomicU64::new(0),
        };
        let inner = Arc::new(inner);
        Self { _holder: Arc::new(Holder(Arc::clone(&inner))), inner }
    }

    pub(super) fn network(&self) -> &Arc<Network> {
        &self.inner.network
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(*self.inner.state.borrow(), LinkState::Up(..))
    }

    /// The reason why the connection is missing, if it existed or was tried.
    pub(super) fn problem(&self) -> Option<String> {
        match &*self.inner.state.borrow() {
            LinkState::Connecting(why) => why.clone(),
            LinkState::Refused(error) => Some(error.to_string()),
            LinkState::Idle | LinkState::Up(..) => None,
        }
    }

    /// Closes the connection, if there is one, as its user has no more use for what it waits for. The next use makes another.
    pub(super) fn close(&self) {
        let number = match &*self.inner.state.borrow() {
            LinkState::Up(_, number) => *number,
            _ => return,
        };
        self.inner.closed.store(number, Ordering::Relaxed);
        self.discard(number);
    }

    /// Closes a connection that does not do what it should, so that a new one is made.
    pub(super) fn discard(&self, number: u64) {
        self.inner.drop.send_replace(number);
    }

    /// Closes a connection whose server can't serve any more, and all others of its generation.
    pub(super) fn discard_generation(&self, number: u64) {
        let is_it = |state: &LinkState| matches!(state, LinkState::Up(_, current) if *current == number);
        if is_it(&self.inner.state.borrow()) {
            self.inner.network.note_trouble();
            self.inner.network.end_generation(self.inner.generation.load(Ordering::Relaxed));
        }
        self.discard(number);
    }

    /// The connection, as soon as there is one. Must be called on tokio.
    pub(super) async fn get(&self, deadline: Instant) -> Result<(Connection, u64), ClientError> {
        let mut state = self.inner.state.subscribe();
        let mut problem = "it is being made".to_owned();
        self.start();
        loop {
            if matches!(*state.borrow(), LinkState::Idle) {
                self.start(); // it was closed meanwhile
            }
            match &*state.borrow_and_update() {
                LinkState::Up(connection, number) => return Ok((connection.clone(), *number)),
                LinkState::Refused(error) => return Err(error.clone()),
                LinkState::Connecting(Some(why)) => problem.clone_from(why),
                LinkState::Connecting(None) | LinkState::Idle => {}
            }
            match timeout_at(deadline, state.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(ClientError::Lost("the transport has ended".into())),
                Err(_) => return Err(ClientError::Timeout(problem)),
            }
        }
    }

    /// Begins to connect, unless that is under way.
    fn start(&self) {
        let begin = self.inner.state.send_if_modified(|state| {
            let idle = matches!(state, LinkState::Idle | LinkState::Refused(_));
            if idle {
                *state = LinkState::Connecting(None);
            }
            idle
        });
        if begin {
            tokio::spawn(keep(Arc::clone(&self.inner)));
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.drop.send_replace(EVERY);
        self.0.state.send_replace(LinkState::Idle);
    }
}

/// A connection that was made.
struct Made {
    connection: Connection,
    closed: Closed,
    /// Its generation.
    generation: u64,
}

/// What ends a connection.
struct Ends {
    closed: Closed,
    /// The number up to which connections are to be left.
    discard: watch::Receiver<u64>,
    /// The generation of the network.
    left: watch::Receiver<u64>,
}

/// How the time of a connection has ended.
enum End {
    /// It was lost, or left.
    Lost(String),
    /// It was dead, and a new one is there.
    Replaced(Made),
}

/// Makes the connection and makes it again, until the server refuses it or the last link is dropped.
async fn keep(inner: Arc<LinkInner>) {
    let mut pause = BACKOFF.0;
    while !inner.ended() {
        if inner.network.is_left() {
            inner.state.send_replace(LinkState::Connecting(Some("the server has left the cluster".into())));
            return;
        }
        match inner.open().await {
            Ok(mut made) => {
                let mut since = Instant::now();
                let why = loop {
                    match inner.hold(made).await {
                        End::Lost(why) => break why,
                        End::Replaced(new) => {
                            inner.warn("the connection to Redis was dead and is replaced");
                            (made, since) = (new, Instant::now());
                        }
                    }
                };
                if inner.ended() {
                    return;
                }
                if inner.closed.load(Ordering::Relaxed) == inner.number.load(Ordering::Relaxed) {
                    tracing::debug!("the connection to Redis was closed by its user");
                    inner.state.send_replace(LinkState::Idle);
                    return;
                }
                if inner.network.is_left() {
                    tracing::debug!("the server is of the cluster no more");
                } else {
                    inner.network.note_trouble();
                    inner.warn(&format!("the connection to Redis was lost: {why}"));
                }
                inner.state.send_replace(LinkState::Connecting(Some(why)));
                // A connection that breaks at once is not a success, but the server is there.
                pause = if since.elapsed() > SHORT { BACKOFF.0 } else { pause.min(SHORT) };
            }
            Err(refused @ ClientError::Refused(_)) => {
                tracing::error!("Redis refuses this client: {refused}");
                inner.state.send_replace(LinkState::Refused(refused));
                return;
            }
            Err(error) => {
                if matches!(error, ClientError::Demoted(_)) {
                    inner.warn(&format!("Redis can't serve now: {error}"));
                }
                tracing::debug!("no connection to Redis: {error}");
                inner.network.note_trouble();
                inner.state.send_replace(LinkState::Connecting(Some(error.to_string())));
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(inner.longest_pause());
    }
}

impl LinkInner {
    /// Whether the last link was dropped.
    fn ended(&self) -> bool {
        *self.drop.borrow() == EVERY
    }

    fn longest_pause(&self) -> Duration {
        self.patience.clamp(BACKOFF.0, BACKOFF.1)
    }

    async fn open(&self) -> Result<Made, ClientError> {
        let generation = self.network.generation();
        let (connection, closed) = Connection::open(&self.network, self.messages, self.patience).await?;
        Ok(Made { connection, closed, generation })
    }

    /// Offers a connection for as long as it is there.
    async fn hold(&self, made: Made) -> End {
        let Made { connection, closed, generation } = made;
        let number = LAST_NUMBER.fetch_add(1, Ordering::Relaxed) + 1;
        if self.number.swap(number, Ordering::Relaxed) != 0 || self.network.came_later {
            self.reconnects.send_modify(|count| *count += 1);
            if self.network.log.admit("connected to Redis again").is_some() {
                tracing::info!("connected to Redis again");
            }
        }
        self.generation.store(generation, Ordering::Relaxed);
        let mut ends = Ends { closed, discard: self.drop.subscribe(), left: self.network.watch_generation() };
        self.state.send_replace(LinkState::Up(connection.clone(), number));
        let mut overdue = connection.watch_overdue();
        loop {
            tokio::select! {
                why = self.lost(&connection, number, generation, &mut ends) => return End::Lost(why),
                _ = overdue.wait_for(|overdue| *overdue) => self.network.note_trouble(),
            }
            tokio::select! {
                biased;
                why = self.lost(&connection, number, generation, &mut ends) => return End::Lost(why),
                // It is slow, and not dead.
                _ = overdue.wait_for(|overdue| !*overdue) => {}
                new = self.replace() => {
                    // What is wrong with it is wrong with the others that are as old.
                    self.network.end_generation(generation);
                    return End::Replaced(Made { generation: self.network.generation(), ..new });
                }
                // A second connection can't be made either. The number of commands that wait for an answer has to stay
                // bounded.
                () = sleep(self.network.endpoint.timeout()) => {
                    return End::Lost("it did not answer in time".into());
                }
            }
        }
    }

    /// Waits until a connection is lost, discarded, of an ended generation, or to a server that is not the master any
    /// more. Returns the reason.
    async fn lost(&self, connection: &Connection, number: u64, generation: u64, ends: &mut Ends) -> String {
        tokio::select! {
            why = ends.closed.wait() => why,
            _ = ends.discard.wait_for(|dropped| *dropped >= number) => "it was left".into(),
            _ = ends.left.wait_for(|left| *left > generation) => {
                "another one was dead, or its server can't serve".into()
            }
            () = self.network.wait_for_switch(connection.server()) => {
                self.network.end_generation(generation);
                "the Sentinels name another master".into()
            }
        }
    }

    /// Makes a connection that is to replace one, however often that takes.
    async fn replace(&self) -> Made {
        let mut pause = BACKOFF.0;
        loop {
            match self.open().await {
                Ok(made) => return made,
                Err(error) => tracing::debug!("no other connection to Redis: {error}"),
            }
            sleep(pause).await;
            pause = (pause * 2).min(self.longest_pause());
        }
    }

    /// Warns, of each kind for all links once in a while.
    fn warn(&self, warning: &str) {
        if let Some(left_out) = self.network.log.admit(warning) {
            tracing::warn!(left_out, "{warning}");
        }
    }
}
