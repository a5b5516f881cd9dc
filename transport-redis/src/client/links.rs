use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use rhai_dispatcher_core::lock;
use tokio::sync::watch;
use tokio::time::Instant;

use super::dial::FEW_MESSAGES;
use super::link::Link;
use super::{ClientError, Connection, Network, Servers};
use crate::slot::Slot;

/// Connections of one purpose: one to each server, made when it is first needed.
#[derive(Debug, Clone)]
pub(crate) struct Links(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    servers: Servers,
    /// How many messages of channels wait to be received on each.
    messages: usize,
    /// After how long an answer is overdue.
    patience: Duration,
    links: Mutex<Vec<Link>>,
    /// How often a connection was made in place of another.
    reconnects: Arc<watch::Sender<u64>>,
}

impl Links {
    pub(crate) fn new(servers: &Servers, patience: Duration) -> Self {
        Self::with_messages(servers, FEW_MESSAGES, patience)
    }

    /// Such on each of which so many messages of channels may wait to be received.
    pub(crate) fn with_messages(servers: &Servers, messages: usize, patience: Duration) -> Self {
        let (servers, links, reconnects) = (servers.clone(), Mutex::default(), Arc::default());
        Self(Arc::new(Inner { servers, messages, patience, links, reconnects }))
    }

    /// The connection to the server of a slot, as soon as there is one. Must be called on tokio.
    pub(crate) async fn get(&self, slot: Slot, deadline: Instant) -> Result<Linked, ClientError> {
        let servers = &self.0.servers;
        loop {
            let server = servers.of(slot, deadline).await?;
            tokio::select! {
                biased;
                linked = self.linked(&server, deadline) => return linked,
                () = servers.wait_for_move(slot, &server) => {}
            }
        }
    }

    /// The same to any server: to that of `first`, unless it is not there in time, or else to another one.
    pub(crate) async fn get_any(&self, first: Slot, deadline: Instant) -> Result<Linked, ClientError> {
        let patience = || deadline.min(Instant::now() + self.0.patience);
        let problem = match self.get(first, patience()).await {
            Err(error @ (ClientError::Timeout(_) | ClientError::Lost(_))) => error,
            linked => return linked,
        };
        for server in self.0.servers.all(deadline).await? {
            if let Ok(linked) = self.linked(&server, patience()).await {
                return Ok(linked);
            }
        }
        Err(problem)
    }

    /// Connections to all servers that are there. Must be called on tokio.
    pub(crate) async fn all(&self, deadline: Instant) -> Result<Vec<Linked>, ClientError> {
        let servers = self.0.servers.all(deadline).await?;
        let linked = join_all(servers.iter().map(|server| self.linked(server, deadline)));
        Ok(linked.await.into_iter().filter_map(Result::ok).collect())
    }

    async fn linked(&self, server: &Arc<Network>, deadline: Instant) -> Result<Linked, ClientError> {
        let link = self.link_to(server);
        let (connection, number) = link.get(deadline).await?;
        Ok(Linked { link, servers: self.0.servers.clone(), connection, number })
    }

    fn link_to(&self, server: &Arc<Network>) -> Link {
        let mut links = lock(&self.0.links);
        if let Some(link) = links.iter().find(|link| Arc::ptr_eq(link.network(), server)) {
            return link.clone();
        }
        links.retain(|link| !link.network().is_left());
        let Inner { messages, patience, reconnects, .. } = &*self.0;
        let link = Link::new(Arc::clone(server), *messages, *patience, Arc::clone(reconnects));
        links.push(link.clone());
        link
    }

    /// Whether there is a connection, to whichever server.
    pub(crate) fn is_up(&self) -> bool {
        lock(&self.0.links).iter().any(Link::is_up)
    }

    /// The reason why a connection is missing that existed or was tried.
    pub(crate) fn problem(&self) -> Option<String> {
        lock(&self.0.links).iter().filter(|link| !link.network().is_left()).find_map(Link::problem)
    }

    /// Warns of a problem, of each kind for all connections of the handle once in a while.
    pub(crate) fn warn(&self, problem: &str) {
        if let Some(left_out) = self.0.servers.log().admit(problem) {
            tracing::warn!(left_out, "{problem}");
        }
    }

    /// How often a connection was made in place of another.
    pub(crate) fn reconnects(&self) -> u64 {
        *self.0.reconnects.borrow()
    }

    /// The same, with what comes.
    pub(crate) fn watch_reconnects(&self) -> watch::Receiver<u64> {
        self.0.reconnects.subscribe()
    }

    /// Closes the connections, as their user has no more use for what it waits for. The next use makes others.
    pub(crate) fn close(&self) {
        lock(&self.0.links).iter().for_each(Link::close);
    }
}

/// A connection to the server of a slot, as it was when it was asked for.
#[derive(Debug)]
pub(crate) struct Linked {
    link: Link,
    servers: Servers,
    pub(crate) connection: Connection,
    /// Its number, which no other connection of this process has.
    pub(crate) number: u64,
}

impl Linked {
    /// Closes the connection, since it does not do what it should.
    pub(crate) fn discard(&self) {
        self.link.discard(self.number);
    }

    /// Does what an answer calls for: a server that can't serve any more may keep its connections, so they are left, and one
    /// that does not have a slot any more shows that it is another's.
    pub(crate) fn checked<T>(&self, answer: Result<T, ClientError>) -> Result<T, ClientError> {
        match &answer {
            Err(ClientError::Demoted(_)) => self.link.discard_generation(self.number),
            Err(ClientError::Moved(said)) => self.servers.note_moved(said),
            _ => {}
        }
        answer
    }
}
