use tokio::time::Instant;

use super::args::Args;
use super::caller::ScriptCaller;
use super::target::Target;
use crate::client::{ClientError, ServerReply};
use crate::config::Durability;

impl ScriptCaller {
    /// Waits until what was written is as durable as was asked for.
    pub(crate) async fn confirm_durability(&self, deadline: Instant) -> Result<(), ClientError> {
        let (name, local, replicas, timeout) = match self.durability {
            Durability::Server => return Ok(()),
            Durability::Replicas { replicas, timeout } => ("WAIT", None, replicas, timeout),
            Durability::Fsynced { replicas, timeout } => ("WAITAOF", Some(1), replicas, timeout),
        };
        let target = Target::of(&self.link, deadline).await?;
        let mut args = Args::new();
        local.map(|local: u32| args.push_display(local));
        args.push_display(replicas).push_display(timeout.as_millis().max(1));
        let args = args.into_vec();
        let answer = target.connection.blocking_command(name, args, timeout, deadline + timeout).await;
        let answer = target.discard_if_demoted(answer)?;
        let reached = match local {
            None => answer.as_u32().is_some_and(|count| count >= replicas),
            Some(local) => {
                let counts: Vec<_> = answer.into_array().iter().filter_map(ServerReply::as_u32).collect();
                matches!(counts[..], [own, others] if own >= local && others >= replicas)
            }
        };
        if reached {
            return Ok(());
        }
        Err(ClientError::Lost(format!(
            "fewer than {replicas} replicas have confirmed the write in {timeout:?}"
        )))
    }
}
