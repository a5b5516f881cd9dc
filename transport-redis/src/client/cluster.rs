use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use fred::types::config::Config;
use futures::{StreamExt, stream};
use rhai_dispatcher_core::{ErrorLog, lock};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::dial::{address_of, at};
use super::mismatch::explained;
use super::network::Demands;
use super::question::{Questions, together};
use super::slot_map::{Address, SlotMap, parse_slots};
use super::{ClientError, Endpoint, Network};
use crate::slot::Slot;

/// The servers of a cluster, and which slots each has. One of them is asked for that when it is first needed, and again
/// when a server seems to be away or says that it does not have a slot.
pub(crate) struct Cluster {
    /// What is the same of all servers: all but the address.
    server: Config,
    /// The name that their certificates have to be for, if that is not their host.
    tls_name: Option<String>,
    /// The servers that the URL names.
    named: Vec<Address>,
    /// How long connecting may take.
    timeout: Duration,
    demands: Demands,
    state: watch::Sender<State>,
    /// The server that has a slot which another was asked for.
    hint: Mutex<Option<Address>>,
    /// Where the next look at the servers begins.
    turn: AtomicUsize,
    /// Says that the servers are to be looked at again.
    wanted: Arc<Notify>,
    pub(super) log: Arc<ErrorLog>,
}

#[derive(Debug, Clone)]
enum State {
    /// Its servers were not needed yet, or refused this client.
    Idle,
    /// The servers could not be read yet; why not, if that was tried.
    Unknown(Option<String>),
    Known(Arc<SlotMap>),
    /// All refuse this client.
    Refused(ClientError),
}

/// The shortest and longest time between two looks at the servers: in a failover, those that are left take a while to know
/// who has the slots.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// The time between two looks without a reason: a server that is cut off from the others, and not from this client, says
/// nothing of that.
const INTERVAL: Duration = Duration::from_secs(10);

/// How many servers are asked beside each other.
const AT_ONCE: usize = 2;

/// How long one server may take for its answer while there are others.
const PATIENCE: Duration = Duration::from_secs(2);

impl Cluster {
    /// The cluster of the `named` servers, which `server` says all else of. It is asked with the first call.
    pub(super) fn new(
        server: Config,
        tls_name: Option<String>,
        named: Vec<Address>,
        timeout: Duration,
        demands: Demands,
    ) -> Self {
        Self {
            server,
            tls_name,
            named,
            timeout,
            demands,
            state: watch::Sender::new(State::Idle),
            hint: Mutex::default(),
            turn: AtomicUsize::new(0),
            wanted: Arc::default(),
            log: Arc::default(),
        }
    }

    /// The server of a slot, as soon as that is known.
    pub(super) async fn server_of(
        self: &Arc<Self>,
        slot: Slot,
        deadline: Instant,
    ) -> Result<Arc<Network>, ClientError> {
        let find = |map: &SlotMap| {
            let server = map.server_of(slot).cloned();
            server.ok_or_else(|| format!("no server of the cluster has slot {}", slot.number()))
        };
        self.look(find, deadline).await
    }

    /// All servers with slots, as soon as they are known.
    pub(super) async fn servers(
        self: &Arc<Self>,
        deadline: Instant,
    ) -> Result<Vec<Arc<Network>>, ClientError> {
        self.look(|map| Ok(map.servers().cloned().collect()), deadline).await
    }

    /// Waits until another server has a slot than this.
    pub(super) async fn wait_for_move(&self, slot: Slot, server: &Arc<Network>) {
        let is_elsewhere = |state: &State| match state {
            State::Known(map) => map.server_of(slot).is_some_and(|now| !Arc::ptr_eq(now, server)),
            _ => false,
        };
        // It ends with this cluster, which its callers hold.
        let _ = self.state.subscribe().wait_for(is_elsewhere).await;
    }

    /// Notes that a server does not have a slot, and what it said of that, such as `MOVED 3999 127.0.0.1:6381`.
    pub(super) fn note_moved(&self, said: &str) {
        let mut words = said.split(' ');
        let code = words.next();
        if matches!(code, Some("ASK" | "TRYAGAIN")) {
            return; // the slot is on its way, and still is that server's
        }
        if code == Some("MOVED")
            && let Some((host, port)) = words.nth(1).and_then(|address| address.rsplit_once(':'))
            && let Ok(port) = port.parse()
            && !host.is_empty()
        {
            *lock(&self.hint) = Some((host.to_owned(), port));
        }
        self.wanted.notify_one();
    }

    /// What `find` has found, once it has found something: until then the servers are looked at again and again.
    async fn look<T>(
        self: &Arc<Self>,
        find: impl Fn(&SlotMap) -> Result<T, String>,
        deadline: Instant,
    ) -> Result<T, ClientError> {
        let mut state = self.state.subscribe();
        self.start();
        let mut problem = "its servers are being asked".to_owned();
        loop {
            match &*state.borrow_and_update() {
                State::Known(map) => match find(map) {
                    Ok(found) => return Ok(found),
                    Err(why) => {
                        problem = why;
                        self.wanted.notify_one();
                    }
                },
                State::Refused(error) => return Err(error.clone()),
                State::Unknown(Some(why)) => problem.clone_from(why),
                State::Unknown(None) | State::Idle => {}
            }
            match timeout_at(deadline, state.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(ClientError::Lost("the transport has ended".into())),
                Err(_) => return Err(ClientError::Timeout(problem)),
            }
        }
    }

    /// Begins to look at the servers, unless that is under way.
    fn start(self: &Arc<Self>) {
        let begin = self.state.send_if_modified(|state| {
            let is_idle = matches!(state, State::Idle | State::Refused(_));
            if is_idle {
                *state = State::Unknown(None);
            }
            is_idle
        });
        if begin {
            tokio::spawn(keep_looking(Arc::downgrade(self)));
        }
    }

    fn map(&self) -> Option<Arc<SlotMap>> {
        match &*self.state.borrow() {
            State::Known(map) => Some(Arc::clone(map)),
            _ => None,
        }
    }

    /// Asks for the slots: first the server that another has named, then the others, until one has answered.
    async fn read_slots(&self) -> Result<Vec<(u16, u16, Address)>, ClientError> {
        let hint = lock(&self.hint).take();
        if let Some(hint) = hint
            && let Ok(slots) = self.ask(hint).await
        {
            return Ok(slots);
        }
        let mut addresses: Vec<_> =
            self.map().iter().flat_map(|map| map.addresses().cloned().collect::<Vec<_>>()).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % addresses.len().max(1);
        addresses.rotate_left(turn);
        addresses.extend(self.named.iter().cloned());
        let mut answers = stream::iter(addresses).map(|address| self.ask(address)).buffer_unordered(AT_ONCE);
        let mut problems = Vec::new();
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(slots) => return Ok(slots),
                Err(problem) => problems.push(problem),
            }
        }
        Err(together(&problems))
    }

    /// Asks one server for the slots. It has to be one that sees enough of the cluster.
    async fn ask(&self, address: Address) -> Result<Vec<(u16, u16, Address)>, ClientError> {
        let has_others = self.named.len() > 1 || self.map().is_some();
        let deadline = Instant::now() + if has_others { self.timeout.min(PATIENCE) } else { self.timeout };
        let config = self.at(&address);
        let attempt = async {
            let questions = Questions::open(&config, deadline).await?;
            let info = questions.ask("CLUSTER", &["INFO"], deadline).await?;
            if !info.as_str().is_some_and(|info| info.contains("cluster_state:ok")) {
                return Err(ClientError::Lost("the cluster is down, as this server sees it".into()));
            }
            let slots = questions.ask("CLUSTER", &["SLOTS"], deadline).await?;
            parse_slots(slots, &address.0).ok_or(ClientError::Unexpected("CLUSTER SLOTS"))
        };
        let answer = match self.map() {
            Some(_) => attempt.await,
            None => explained(&config, attempt).await,
        };
        let server = address_of(&config);
        let of_server = |why: String| if why.starts_with(&server) { why } else { format!("{server}: {why}") };
        answer.map_err(|error| match error {
            ClientError::Server(text) if text.contains("cluster support disabled") => ClientError::Refused(
                of_server("the server is not of a cluster; write redis://, or rediss:// for TLS".into()),
            ),
            ClientError::Refused(why) => ClientError::Refused(of_server(why)),
            error => ClientError::Lost(of_server(error.to_string())),
        })
    }

    /// The servers with these slots; those that are known stay what they are.
    fn map_of(&self, slots: Vec<(u16, u16, Address)>) -> SlotMap {
        let before = self.map();
        let server = |address: &Address| {
            let known = before.as_ref().and_then(|map| map.server_at(address));
            known.cloned().unwrap_or_else(|| {
                let endpoint = Endpoint::server(self.at(address), self.timeout);
                let (trouble, log) = (Arc::clone(&self.wanted), Arc::clone(&self.log));
                let server = Network::new(endpoint, self.demands, trouble, log);
                Arc::new(if before.is_some() { server.that_came_later() } else { server })
            })
        };
        let map = SlotMap::new(slots, server);
        if let Some(before) = &before {
            before.servers().filter(|server| !map.has(server)).for_each(|server| server.leave());
        }
        map
    }

    fn at(&self, (host, port): &Address) -> Config {
        at(self.server.clone(), host.clone(), *port, self.tls_name.clone())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.wanted.notify_one();
    }
}

impl fmt::Debug for Cluster {
    /// Without its config, which has the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("named", &self.named).finish_non_exhaustive()
    }
}

/// Looks at the servers whenever that is wanted, until the cluster is dropped or its servers refuse this client.
async fn keep_looking(cluster: Weak<Cluster>) {
    let (mut pause, mut known) = (PAUSE.0, Vec::new());
    while let Some(it) = cluster.upgrade() {
        let wanted = Arc::clone(&it.wanted);
        let looked = Instant::now();
        match it.read_slots().await {
            Ok(slots) => {
                // What is asked again and again has not happened yet.
                pause = if slots == known { (pause * 2).min(PAUSE.1) } else { PAUSE.0 };
                known.clone_from(&slots);
                it.state.send_replace(State::Known(Arc::new(it.map_of(slots))));
                drop(it);
                if timeout(INTERVAL, wanted.notified()).await.is_err() {
                    pause = PAUSE.0;
                }
                sleep_until(looked + pause).await;
            }
            Err(error) => {
                let is_known = it.map().is_some();
                match error {
                    refused @ ClientError::Refused(_) if !is_known => {
                        tracing::error!("the Redis cluster refuses this client: {refused}");
                        it.state.send_replace(State::Refused(refused));
                        return;
                    }
                    error if is_known => tracing::debug!("the servers of the cluster can't be read: {error}"),
                    error => drop(it.state.send_replace(State::Unknown(Some(error.to_string())))),
                }
                drop(it);
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE.1);
            }
        }
    }
}
