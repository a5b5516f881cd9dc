use std::fmt;
use std::sync::Arc;

use rhai_dispatcher::list_bridge::FollowingTransport;
use rhai_dispatcher::transport::{MemoryConfig, MemoryTransport, Transport, TransportConfig};
use rhai_dispatcher::worker::WorkerError;

use crate::error::CommandError;
use crate::server::{RecordSettings, Server};

/// Where the tasks of a command are that can do without a server.
#[derive(Debug, Clone)]
pub(crate) enum Backend {
    /// In the memory of this process.
    Memory(RecordSettings),
    /// On a server.
    Server(Server),
}

impl Backend {
    /// A transport. That of a server is not connected yet.
    ///
    /// # Errors
    /// Those of [`Server::transport`].
    pub(crate) fn transport(&self) -> Result<Arc<dyn Transport>, CommandError> {
        match self {
            Self::Memory(records) => {
                let mut config = TransportConfig::default();
                records.set(&mut config);
                Ok(Arc::new(MemoryTransport::new(MemoryConfig::default().with_transport(config))))
            }
            Self::Server(server) => {
                let transport = server.transport()?;
                server.note_reach();
                Ok(Arc::new(FollowingTransport::new(transport)))
            }
        }
    }

    /// An error of a worker, as [`Server::explain_worker`] puts it.
    pub(crate) fn explain_worker(&self, error: WorkerError) -> CommandError {
        match self {
            Self::Memory(_) => error.into(),
            Self::Server(server) => server.explain_worker(error),
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(_) => f.write_str("memory"),
            Self::Server(server) => server.fmt(f),
        }
    }
}
