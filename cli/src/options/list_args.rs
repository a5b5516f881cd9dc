use clap::{Args, value_parser};
use rhai_dispatcher::WorkerId;
use rhai_dispatcher::list_bridge::{ListBridge, ListBridgeConfig, ListId};
use rhai_dispatcher::transport::RedisTransport;

use super::Timeout;
use crate::error::CommandError;
use crate::report::Console;

/// Whether and how a worker serves the list protocol.
#[derive(Debug, Clone, Args)]
pub(crate) struct ListArgs {
    /// Do not serve the list protocol
    #[arg(long)]
    no_list: bool,

    /// How many tasks of the list protocol the worker holds at once; the others wait in their list [default: 10000]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..), allow_negative_numbers = true,
        conflicts_with = "no_list")]
    list_max_held: Option<u32>,

    /// How long a reply of the list protocol that no client pops is kept [default: 1h]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, conflicts_with = "no_list")]
    list_reply_ttl: Option<Timeout>,
}

impl ListArgs {
    /// The bridge of a worker; none if it is turned off, or if the list of the worker id would be another key.
    ///
    /// # Errors
    /// If a value makes no sense.
    pub(crate) fn bridge(
        &self,
        transport: &RedisTransport,
        worker_id: &WorkerId,
    ) -> Result<Option<ListBridge>, CommandError> {
        if self.no_list {
            return Ok(None);
        }
        if ListId::RESERVED.contains(&worker_id.as_str()) {
            let console = Console::detect();
            console.note(format_args!(
                "the list protocol is not served: its list of {worker_id} would be a key of the dispatcher"
            ));
            return Ok(None);
        }
        let mut config = ListBridgeConfig::new();
        if let Some(ids) = self.list_max_held {
            config.max_held = usize::try_from(ids).unwrap_or(usize::MAX);
        }
        if let Some(ttl) = self.list_reply_ttl {
            config.reply_ttl = ttl.duration();
        }
        Ok(Some(ListBridge::new(transport, worker_id.clone(), config)?))
    }
}
