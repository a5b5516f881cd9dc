use std::net::TcpListener;

use clap::Args;

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
    #[arg(long, value_name = "ADDR", value_parser = address)]
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

/// A host and a port.
fn address(text: &str) -> Result<String, String> {
    let has_port =
        text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    match has_port {
        true => Ok(text.to_owned()),
        false => Err("give a host and a port, such as 127.0.0.1:9464 or [::]:9464".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for good in ["127.0.0.1:9464", "[::1]:0", "localhost:65535"] {
            assert_eq!(address(good), Ok(good.to_owned()));
        }
        for bad in ["", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:http"] {
            let error = address(bad).expect_err(bad);
            assert!(error.contains("such as 127.0.0.1:9464"), "{bad}: {error}");
        }
    }
}
