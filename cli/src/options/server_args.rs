use clap::Args;

use crate::error::CommandError;
use crate::server::Server;

/// Which server, and which keys of it.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgs {
    /// The Redis server, such as redis://user:password@host:6379/0 or redis+unix:///run/redis.sock
    ///
    /// Others can see the arguments of a process: a password is safer in RHAID_URL.
    #[arg(long, value_name = "URL", env = Server::VARIABLE, hide_env_values = true)]
    url: Option<String>,

    /// What all keys in Redis begin with; those who share it share their queues [default: rhailib]
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
}

impl ServerArgs {
    /// The server that they name.
    ///
    /// # Errors
    /// If there is none, or it is none that other processes can reach.
    pub(crate) fn server(self) -> Result<Server, CommandError> {
        match self.url {
            Some(url) if !url.is_empty() => Server::new(url, self.prefix),
            _ => Err(CommandError::NoServer),
        }
    }
}
