use std::fmt::Display;
use std::time::Duration;

use tokio::time::Instant;

use super::args::Args;
use super::caller::ScriptCaller;
use super::script::Script;
use super::target::Target;
use crate::client::{ClientError, ServerReply};
use crate::config::Durability;

impl ScriptCaller {
    /// Runs a script that may be repeated, and waits until what it wrote is as durable as was asked for.
    ///
    /// That is asked on the connection on which the script ran: WAIT is about the writes of its own connection. The
    /// script always writes something, also if it finds that it was carried out before: from Redis 7.2 on WAIT is
    /// satisfied at once on a connection that has written nothing.
    pub(crate) async fn run_durably(
        &self,
        script: Script,
        about: impl Display,
        args: Args,
        deadline: Instant,
    ) -> Result<Vec<ServerReply>, ClientError> {
        let (home, args) = (self.home(about), args.into_vec());
        loop {
            let (reply, target) = self.repeat(script, &home, &args, deadline, true).await?;
            let Some(timeout) = self.durability.timeout() else { return Ok(reply) };
            match self.confirm(&target, timeout, deadline + timeout).await {
                Ok(true) => return Ok(reply),
                Ok(false) => return Err(self.failed(self.unconfirmed(timeout))),
                // It may not be known to the next connection's server.
                Err(ClientError::Lost(why) | ClientError::Demoted(why)) if Instant::now() < deadline => {
                    self.note(&why);
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    /// Whether what was answered on that connection is durable.
    async fn confirm(
        &self,
        target: &Target,
        timeout: Duration,
        deadline: Instant,
    ) -> Result<bool, ClientError> {
        let ask = || self.ask_replicas(target, timeout, deadline);
        target.linked.connection.confirmations.confirm(ask).await
    }

    async fn ask_replicas(
        &self,
        target: &Target,
        timeout: Duration,
        deadline: Instant,
    ) -> Result<bool, ClientError> {
        let (name, local, replicas) = match self.durability {
            Durability::Server => return Ok(true),
            Durability::Replicas { replicas, .. } => ("WAIT", None, replicas),
            Durability::Fsynced { replicas, .. } => ("WAITAOF", Some(1), replicas),
        };
        let mut args = Args::new();
        local.map(|local: u32| args.push_display(local));
        args.push_display(replicas).push_display(timeout.as_millis().max(1));
        let connection = &target.linked.connection;
        let answer = connection.blocking_command(name, args.into_vec(), timeout, deadline).await;
        let answer = target.linked.checked(answer)?;
        Ok(match local {
            None => answer.as_u32().is_some_and(|count| count >= replicas),
            Some(local) => {
                let counts: Vec<_> = answer.into_array().iter().filter_map(ServerReply::as_u32).collect();
                matches!(counts[..], [own, others] if own >= local && others >= replicas)
            }
        })
    }

    fn unconfirmed(&self, timeout: Duration) -> ClientError {
        ClientError::Lost(match self.durability {
            Durability::Fsynced { replicas, .. } => format!(
                "the server's disk and those of {replicas} replicas have not confirmed the write in {timeout:?}"
            ),
            Durability::Replicas { replicas, .. } => {
                format!("fewer than {replicas} replicas have confirmed the write in {timeout:?}")
            }
            Durability::Server => "the write was not confirmed".into(),
        })
    }
}
