use clap::{Args, value_parser};

use super::Timeout;
use crate::backend::Backend;
use crate::error::CommandError;
use crate::server::{RecordSettings, Server};

/// The server, the prefix of its keys, and the limits on finished records.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgs {
    /// The Redis server, such as redis://user:password@host:6379/0 or redis+unix:///run/redis.sock
    ///
    /// Other users of this machine can see the arguments of a process: a password is safer in RHAID_URL.
    #[arg(long, value_name = "URL", env = Server::VARIABLE, hide_env_values = true)]
    url: Option<String>,

    /// The prefix of all keys in Redis; processes with the same prefix share their queues [default: rhailib]
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,

    /// How long the records of finished tasks are kept; use the same value in all processes [default: 24h]
    #[arg(
        long,
        value_name = "DURATION",
        env = "RHAID_RECORD_TTL",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    record_ttl: Option<Timeout>,

    /// How many records of finished tasks are kept for each worker id; the oldest go first [default: 100000]
    #[arg(long, value_name = "N", env = "RHAID_MAX_FINISHED_RECORDS", hide_env_values = true,
        value_parser = value_parser!(u32).range(1..), allow_negative_numbers = true)]
    max_finished_records: Option<u32>,

    /// How many bytes those records may take, estimated [default: 67108864]
    #[arg(long, value_name = "BYTES", env = "RHAID_MAX_FINISHED_BYTES", hide_env_values = true,
        value_parser = value_parser!(u64).range(1..), allow_negative_numbers = true)]
    max_finished_bytes: Option<u64>,
}

impl ServerArgs {
    /// The server that the options name, or the memory of this process.
    ///
    /// # Errors
    /// If other processes can't reach the server.
    pub(crate) fn backend(self) -> Result<Backend, CommandError> {
        match self.url.as_deref() {
            None | Some("") => Ok(Backend::Memory(self.records())),
            Some(_) => Ok(Backend::Server(self.server()?)),
        }
    }

    /// The server that the options name.
    ///
    /// # Errors
    /// If no server is named, or if other processes can't reach it.
    pub(crate) fn server(self) -> Result<Server, CommandError> {
        let records = self.records();
        match self.url {
            Some(url) if !url.is_empty() => Ok(Server::new(url, self.prefix)?.with_records(records)),
            _ => Err(CommandError::NoServer),
        }
    }

    fn records(&self) -> RecordSettings {
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        RecordSettings {
            ttl: self.record_ttl.map(Timeout::duration),
            most: self.max_finished_records.map(u64::from).map(size),
            most_bytes: self.max_finished_bytes.map(size),
        }
    }
}
