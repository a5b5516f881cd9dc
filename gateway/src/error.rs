use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use rhai_dispatcher::{Invalid, RhaiDispatcherError};

use crate::auth::TokenFileError;
use crate::server::TlsError;

/// Why a gateway does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// A setting that can't be used.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The dispatcher refuses.
    #[error(transparent)]
    Dispatcher(#[from] RhaiDispatcherError),
    /// The file of the tokens.
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    /// The files of TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The file of the audit log.
    #[error("the audit log {path}: {source}", path = path.display())]
    Audit {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The gateway has no tokens, so everyone who can connect may do everything, and the address is not one of this machine
    /// alone.
    #[error(
        "{0} can be reached from other machines, and the gateway has no tokens; make one with `rhaid token new`, or listen on \
         127.0.0.1"
    )]
    OpenToOthers(SocketAddr),
    /// The address of the listener is not known.
    #[error("the listener has no address: {0}")]
    Listener(#[source] io::Error),
}
