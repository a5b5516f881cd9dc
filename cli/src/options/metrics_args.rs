use std::net::TcpListener;

use clap::Args;

use super::listen_address;
use crate::error::CommandError;

/// Whether and where a worker serves its metrics.
#[derive(Debug, Clone, Args)]
pub(crate) struct MetricsArgs {
    /// Serve metrics and health checks over HTTP at ADDR, such as 127.0.0.1:9464 or 0.0.0.0:9464
    ///
    /// /metrics has the metrics as Prometheus text: docs/operations.md lists them. /healthz answers 200 while the worker
    /// renews its lease and reaches its server, /readyz while it also begins tasks; otherwise both answer 503 with the
    /// reason. Port 0 takes a free port, which the first line of the worker has. There is neither TLS nor a password, so
    /// give an address that only your monitoring can reach.
    #[arg(long, value_name = "ADDR", value_parser = listen_address)]
    metrics: Option<String>,
}

/// How the help spells it.
const METRICS: &str = "--metrics <ADDR>";

impl MetricsArgs {
    /// Listens at the address, if there is one.
    ///
    /// # Errors
    /// If the system refuses the address.
    pub(crate) fn listen(&self) -> Result<Option<TcpListener>, CommandError> {
        let Some(address) = &self.metrics else { return Ok(None) };
        let listener = TcpListener::bind(address).map_err(|error| {
            let hint = "give an address of this host with a free port, such as 127.0.0.1:9464";
            CommandError::usage(METRICS, format!("{address}: {error}; {hint}"))
        })?;
        Ok(Some(listener))
    }
}
