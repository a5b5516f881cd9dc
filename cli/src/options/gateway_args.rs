use clap::Args;
use rhai_dispatcher::WorkerId;
use rhai_dispatcher_gateway::GatewayConfig;

use crate::error::CommandError;

/// The settings of a gateway.
#[derive(Debug, Clone, Args)]
pub(crate) struct GatewayArgs {
    /// A limit of the gateway; may be repeated
    #[arg(id = "gateway_limits", long = "gateway-limit", value_name = "NAME=VALUE", long_help = long_help())]
    limits: Vec<String>,

    /// A name under which browsers may reach the gateway, beside localhost and addresses; may be repeated
    #[arg(long = "allow-name", value_name = "NAME")]
    names: Vec<String>,

    /// The origin of pages elsewhere that may call the gateway, such as https://shop.example; may be repeated
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    origins: Vec<String>,
}

impl GatewayArgs {
    /// The configuration of a gateway whose scripts go to `default_worker_id` unless they name another.
    ///
    /// # Errors
    /// If a limit is not one.
    pub(crate) fn config(self, default_worker_id: Option<WorkerId>) -> Result<GatewayConfig, CommandError> {
        let mut config = GatewayConfig::default();
        config.default_worker_id = default_worker_id;
        config.allowed_hosts = self.names;
        config.allowed_origins = self.origins;
        for limit in &self.limits {
            const ARGUMENT: &str = "--gateway-limit <NAME=VALUE>";
            let Some((name, value)) = limit.split_once('=') else {
                let problem = format!("{limit:?} has no `=`; write NAME=VALUE, such as max_connections=100");
                return Err(CommandError::usage(ARGUMENT, problem));
            };
            config.set(name, value).map_err(|invalid| CommandError::usage(ARGUMENT, invalid.to_string()))?;
        }
        Ok(config)
    }
}

/// The help of `--gateway-limit`, with all limits and their defaults.
fn long_help() -> String {
    let mut help =
        "A limit of the gateway; may be repeated\n\nTimes are in seconds. The limits, with their defaults:\n"
            .to_owned();
    for limit in GatewayConfig::limits() {
        help.push_str(&format!("\n{}={}: {}", limit.name, limit.default, limit.about));
    }
    help
}
