use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use rhai_dispatcher::WorkerId;
use rhai_dispatcher_gateway::{GatewayBuilder, GatewayConfig};

use super::{TokensArgs, ip_address};
use crate::error::CommandError;

/// The settings of a gateway.
#[derive(Debug, Clone, Args)]
pub(crate) struct GatewayArgs {
    #[command(flatten)]
    tokens: TokensArgs,

    /// The file of the audit log: who ran scripts, cancelled, logged in, and when [default: in memory only]
    #[arg(long = "audit-file", value_name = "FILE")]
    audit_file: Option<PathBuf>,

    /// Keep calls of methods in the audit log too, not only scripts: it grows with the load
    #[arg(long)]
    audit_calls: bool,

    /// The certificates for TLS, as PEM, that of the server first
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The private key for TLS, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// A name under which browsers may reach the gateway, beside localhost and addresses; may be repeated
    #[arg(long = "allow-name", value_name = "NAME")]
    names: Vec<String>,

    /// The origin of pages elsewhere that may call the gateway, such as `https://shop.example`; may be repeated
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    origins: Vec<String>,

    /// The address of a proxy whose X-Forwarded-For, -Proto and -Prefix are believed; may be repeated
    #[arg(long = "trust-proxy", value_name = "ADDRESS", value_parser = ip_address)]
    proxies: Vec<IpAddr>,

    /// A limit of the gateway; may be repeated
    #[arg(id = "gateway_limits", long = "gateway-limit", value_name = "NAME=VALUE", long_help = long_help())]
    limits: Vec<String>,
}

impl GatewayArgs {
    /// Sets up a gateway whose scripts go to `default_worker_id` unless they name another one.
    ///
    /// # Errors
    /// If a limit is not one, or the file of the tokens was named and does not exist.
    pub(crate) fn set(
        self,
        builder: GatewayBuilder,
        default_worker_id: Option<WorkerId>,
    ) -> Result<GatewayBuilder, CommandError> {
        const ARGUMENT: &str = "--gateway-limit <NAME=VALUE>";
        let mut config = GatewayConfig::default();
        config.default_worker_id = default_worker_id;
        config.allowed_hosts = self.names;
        config.allowed_origins = self.origins;
        config.trusted_proxies = self.proxies;
        config.audit_calls = self.audit_calls;
        for limit in &self.limits {
            let Some((name, value)) = limit.split_once('=') else {
                let problem = format!("{limit:?} has no `=`; write NAME=VALUE, such as max_connections=100");
                return Err(CommandError::usage(ARGUMENT, problem));
            };
            config.set(name, value).map_err(|invalid| CommandError::usage(ARGUMENT, invalid.to_string()))?;
        }
        let mut builder = self.tokens.set(builder.config(config))?;
        if let Some(file) = self.audit_file {
            builder = builder.audit_file(file);
        }
        if let (Some(certificates), Some(key)) = (self.tls_cert, self.tls_key) {
            builder = builder.tls(certificates, key);
        }
        Ok(builder)
    }

    /// The scheme of the gateway's URL.
    pub(crate) const fn scheme(&self) -> &'static str {
        if self.tls_cert.is_some() { "https" } else { "http" }
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
