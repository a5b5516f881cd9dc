use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::connection::Closed;
use super::{ClientError, Connection, Network};

/// The shortest and longest pause between two tries to connect. The first is short because most
/// outages are restarts; the longest, because a thousand clients must not storm a server that is
/// just coming back, and still be there soon after. One that is less patient pauses no longer than that.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

/// A connection that held no longer than this was no success.
const SHORT: Duration = Duration::from_millis(100);

/// Says to drop every connection, and to make no more.
const EVERY: u64 = u64::MAX;

/// A connection that is made when it is first needed, and again whenever it breaks.
///
/// When an answer is overdue a new connection is made beside it. If the new one is there before the old one is heard
/// again, the old one is taken for dead and left: the commands on it end as lost, and go on the new one if they may
/// be repeated. A network that is slow, and not dead, answers first.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    shared: Arc<Shared>,
    _holder: Arc<Holder>,
}

/// Ends the connection with the last link.
#[derive(Debug)]
struct Holder(Arc<Shared>);

/// Where a link stands.
#[derive(Debug, Clone)]
pub(crate) enum LinkState {
    /// Nobody has asked for it, or what asked for it was refused.
    Idle,
    /// It is being made; why there is none, if there was one or a try.
    Connecting(Option<String>),
    /// It is there; the how-manieth it is.
    Up(Connection, u64),
    /// The server refuses this client.
    Refused(ClientError),
}

#[derive(Debug)]
struct Shared {
    network: Network,
    /// After how long an answer is overdue.
    patience: Duration,
    state: watch::Sender<LinkState>,
    /// Says to drop the connection with that number.
    drop: watch::Sender<u64>,
    made: AtomicU64,
    /// How often connections had been left when the one that is there was made.
    age: AtomicU64,
}

impl Link {
    pub(super) fn new(network: Network, patience: Duration) -> Self {
        let shared = Shared {
            network,
            patience,
            state: watch::Sender::new(LinkState::Idle),
            drop: watch::Sender::new(0),
            made: AtomicU64::new(0),
            age: AtomicU64::new(0),
        };
        let shared = Arc::new(shared);
        Self { _holder: Arc::new(Holder(Arc::clone(&shared))), shared }
    }

    /// What happens to the link from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<LinkState> {
        self.shared.state.subscribe()
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(*self.shared.state.borrow(), LinkState::Up(..))
    }

    /// Why there is no connection, if there was one or a try.
    pub(crate) fn problem(&self) -> Option<String> {
        match &*self.shared.state.borrow() {
            LinkState::Connecting(why) => why.clone(),
            LinkState::Refused(error) => Some(error.to_string()),
            LinkState::Idle | LinkState::Up(..) => None,
        }
    }

    /// How many connections were lost and made again.
    pub(crate) fn reconnects(&self) -> u64 {
        self.shared.made.load(Ordering::Relaxed).saturating_sub(1)
    }

    /// Closes a connection, so that a new one is made.
    pub(crate) fn discard(&self, number: u64) {
        self.shared.drop.send_replace(number);
    }

    /// Closes a connection whose server can't serve any more, and all others of its age to the same address.
    pub(crate) fn leave(&self, number: u64) {
        let is_it = |state: &LinkState| matches!(state, LinkState::Up(_, current) if *current == number);
        if is_it(&self.shared.state.borrow()) {
            self.shared.network.leave(self.shared.age.load(Ordering::Relaxed));
        }
        self.discard(number);
    }

    /// The connection, as soon as there is one. Must be called on tokio.
    pub(crate) async fn get(&self, deadline: Instant) -> Result<(Connection, u64), ClientError> {
        let mut state = self.shared.state.subscribe();
        self.start();
        let mut problem = "it is being made".to_owned();
        loop {
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

    /// Begins to connect, unless that goes on already.
    fn start(&self) {
        let begin = self.shared.state.send_if_modified(|state| {
            let idle = matches!(state, LinkState::Idle | LinkState::Refused(_));
            if idle {
                *state = LinkState::Connecting(None);
            }
            idle
        });
        if begin {
            tokio::spawn(keep(Arc::clone(&self.shared)));
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
    /// How often connections had been left before it was made.
    age: u64,
}

/// How the time of a connection has ended.
enum End {
    /// It was lost, or left.
    Lost(String),
    /// It was dead, and a new one is there.
    Replaced(Made),
}

/// Makes the connection and makes it again, until the server refuses it or nobody holds the link.
async fn keep(shared: Arc<Shared>) {
    let mut pause = BACKOFF.0;
    while !shared.ended() {
        match shared.open().await {
            Ok(mut made) => {
                let mut since = Instant::now();
                let why = loop {
                    match shared.hold(made).await {
                        End::Lost(why) => break why,
                        End::Replaced(new) => {
                            shared.warn("the connection to Redis was dead and is replaced");
                            (made, since) = (new, Instant::now());
                        }
                    }
                };
                if shared.ended() {
                    return;
                }
                shared.warn(&format!("the connection to Redis was lost: {why}"));
                shared.state.send_replace(LinkState::Connecting(Some(why)));
                // One that breaks at once is no sign that the next will hold; but the server is there.
                pause = if since.elapsed() > SHORT { BACKOFF.0 } else { pause.min(SHORT) };
            }
            Err(refused @ ClientError::Refused(_)) => {
                tracing::error!("Redis refuses this client: {refused}");
                shared.state.send_replace(LinkState::Refused(refused));
                return;
            }
            Err(error) => {
                if matches!(error, ClientError::Demoted(_)) {
                    shared.warn(&format!("Redis can't serve now: {error}"));
                }
                tracing::debug!("no connection to Redis: {error}");
                shared.state.send_replace(LinkState::Connecting(Some(error.to_string())));
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(shared.longest_pause());
    }
}

impl Shared {
    /// Whether nobody holds the link any more.
    fn ended(&self) -> bool {
        *self.drop.borrow() == EVERY
    }

    fn longest_pause(&self) -> Duration {
        self.patience.clamp(BACKOFF.0, BACKOFF.1)
    }

    async fn open(&self) -> Result<Made, ClientError> {
        let age = self.network.left();
        let (connection, closed) = Connection::open(&self.network, self.patience).await?;
        Ok(Made { connection, closed, age })
    }

    /// Offers a connection for as long as it is there.
    async fn hold(&self, made: Made) -> End {
        let Made { connection, mut closed, age } = made;
        let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        if number > 1 && self.network.log.admit("connected to Redis again").is_some() {
            tracing::info!("connected to Redis again");
        }
        self.age.store(age, Ordering::Relaxed);
        let (mut discard, mut left) = (self.drop.subscribe(), self.network.watch_left());
        self.state.send_replace(LinkState::Up(connection.clone(), number));
        let mut overdue = connection.watch_overdue();
        loop {
            tokio::select! {
                why = self.lost(number, age, &mut closed, &mut discard, &mut left) => return End::Lost(why),
                _ = overdue.wait_for(|overdue| *overdue) => {}
            }
            tokio::select! {
                biased;
                why = self.lost(number, age, &mut closed, &mut discard, &mut left) => return End::Lost(why),
                // It is slow, and not dead.
                _ = overdue.wait_for(|overdue| !*overdue) => {}
                new = self.replace() => {
                    // What is wrong with it is wrong with the others that are as old.
                    self.network.leave(age);
                    return End::Replaced(Made { age: self.network.left(), ..new });
                }
                // There is no other either, and what waits for an answer here is not to become ever more.
                () = sleep(self.network.endpoint.timeout()) => {
                    return End::Lost("it did not answer in time".into());
                }
            }
        }
    }

    /// Waits until a connection is lost, discarded, or older than one that was left. Why.
    async fn lost(
        &self,
        number: u64,
        age: u64,
        closed: &mut Closed,
        discard: &mut watch::Receiver<u64>,
        left: &mut watch::Receiver<u64>,
    ) -> String {
        tokio::select! {
            why = closed.wait() => why,
            _ = discard.wait_for(|dropped| *dropped >= number) => "it was left".into(),
            _ = left.wait_for(|left| *left > age) => "another one was dead, or its server can't serve".into(),
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
