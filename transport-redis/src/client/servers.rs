use std::future;
use std::sync::Arc;

use fred::types::config::{Config, ServerConfig};
use rhai_dispatcher_core::{ErrorLog, Invalid};
use tokio::time::Instant;

use super::cluster::Cluster;
use super::dial::at;
use super::endpoint::server_of;
use super::network::Demands;
use super::server_url::Place;
use super::{ClientError, Endpoint, Network, ServerUrl};
use crate::config::{Durability, RedisConfig};
use crate::slot::Slot;

/// The servers of a handle.
#[derive(Debug, Clone)]
pub(crate) enum Servers {
    /// One, which has all slots.
    One(Arc<Network>),
    Cluster(Arc<Cluster>),
}

impl Servers {
    /// What the URL names, with the settings of the connections there.
    pub(crate) fn new(config: &RedisConfig) -> Result<Self, Invalid> {
        let url = ServerUrl::parse(config.url.as_str())?;
        let server = server_of(config, &url)?;
        let (name, timeout) = (config.tls_server_name.clone(), config.call_timeout);
        let waitaof = matches!(config.durability, Durability::Fsynced { .. });
        let endpoint = match url.place {
            Place::Cluster(addresses) => {
                let demands = Demands { waitaof, cluster: true };
                let cluster = Cluster::new(server, name, addresses, timeout, demands);
                return Ok(Self::Cluster(Arc::new(cluster)));
            }
            Place::Host(host, port) => Endpoint::server(at(server, host, port, name), timeout),
            Place::Socket(path) => {
                let server = Config { server: ServerConfig::new_unix_socket(path), ..server };
                Endpoint::server(server, timeout)
            }
            Place::Master { name, sentinels } => Endpoint::master(config, name, sentinels, server),
        };
        let demands = Demands { waitaof, cluster: false };
        Ok(Self::One(Arc::new(Network::new(endpoint, demands, Arc::default(), Arc::default()))))
    }

    pub(crate) const fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Where problems are logged once in a while.
    pub(crate) fn log(&self) -> &Arc<ErrorLog> {
        match self {
            Self::One(network) => &network.log,
            Self::Cluster(cluster) => &cluster.log,
        }
    }

    /// The server of a slot, as soon as that is known. Must be called on tokio.
    pub(super) async fn of(&self, slot: Slot, deadline: Instant) -> Result<Arc<Network>, ClientError> {
        match self {
            Self::One(network) => Ok(Arc::clone(network)),
            Self::Cluster(cluster) => cluster.server_of(slot, deadline).await,
        }
    }

    /// All of them, as soon as they are known. Must be called on tokio.
    pub(super) async fn all(&self, deadline: Instant) -> Result<Vec<Arc<Network>>, ClientError> {
        match self {
            Self::One(network) => Ok(vec![Arc::clone(network)]),
            Self::Cluster(cluster) => cluster.servers(deadline).await,
        }
    }

    /// Waits until a slot has another server than this.
    pub(super) async fn wait_for_move(&self, slot: Slot, server: &Arc<Network>) {
        match self {
            Self::One(_) => future::pending().await,
            Self::Cluster(cluster) => cluster.wait_for_move(slot, server).await,
        }
    }

    /// Notes what a server has said of a slot that it does not have.
    pub(super) fn note_moved(&self, error: &str) {
        if let Self::Cluster(cluster) = self {
            cluster.note_moved(error);
        }
    }
}
