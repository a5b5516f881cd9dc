use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::{ClientError, Connection, Endpoint};

/// The shortest and longest pause between two tries to connect. The first is short because most
/// outages are restarts; the longest, because a thousand clients must not storm a server that is
/// just coming back, and still be there soon after.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

/// A connection that held no longer than this was no success.
const SHORT: Duration = Duration::from_millis(100);

/// Says to drop every connection, and to make no more.
const EVERY: u64 = u64::MAX;

/// A connection that is made when it is first needed, and again whenever it breaks.
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
    endpoint: Endpoint,
    state: watch::Sender<LinkState>,
    /// Says to drop the connection with that number.
    drop: watch::Sender<u64>,
    made: AtomicU64,
}

impl Link {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        let shared = Shared {
            endpoint,
            state: watch::Sender::new(LinkState::Idle),
            drop: watch::Sender::new(0),
            made: AtomicU64::new(0),
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

    /// Closes a connection that does not answer, so that a new one is made.
    pub(crate) fn discard(&self, number: u64) {
        self.shared.drop.send_replace(number);
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

impl Shared {
    /// Whether nobody holds the link any more.
    fn ended(&self) -> bool {
        *self.drop.borrow() == EVERY
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.drop.send_replace(EVERY);
        self.0.state.send_replace(LinkState::Idle);
    }
}

/// Makes the connection and makes it again, until the server refuses it or nobody holds the link.
async fn keep(shared: Arc<Shared>) {
    let mut pause = BACKOFF.0;
    while !shared.ended() {
        match Connection::open(&shared.endpoint).await {
            Ok((connection, mut closed)) => {
                let number = shared.made.fetch_add(1, Ordering::Relaxed) + 1;
                if number > 1 {
                    tracing::info!("connected to Redis again");
                }
                let mut discard = shared.drop.subscribe();
                shared.state.send_replace(LinkState::Up(connection, number));
                let since = Instant::now();
                let why = tokio::select! {
                    why = closed.wait() => why,
                    _ = discard.wait_for(|dropped| *dropped >= number) => "it did not answer in time".into(),
                };
                drop(closed);
                if shared.ended() {
                    return;
                }
                tracing::warn!("the connection to Redis was lost: {why}");
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
                tracing::debug!("no connection to Redis: {error}");
                shared.state.send_replace(LinkState::Connecting(Some(error.to_string())));
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(BACKOFF.1);
    }
}
