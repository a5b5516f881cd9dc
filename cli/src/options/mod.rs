//! The options of subcommands.

mod address;
mod filter_args;
mod gateway_args;
mod ids;
mod limit_args;
mod list_args;
mod metrics_args;
mod module_args;
#[cfg(feature = "otel")]
mod otlp_args;
mod request_args;
mod script_args;
mod script_file;
mod server_args;
mod task_ref;
mod timeout;
mod tokens_args;

pub(crate) use address::{ip_address, listen_address};
pub(crate) use filter_args::{FILTER_HELP, FilterArgs};
pub(crate) use gateway_args::GatewayArgs;
pub(crate) use ids::{label, status, task_id, worker_id};
pub(crate) use limit_args::LimitArgs;
pub(crate) use list_args::ListArgs;
pub(crate) use metrics_args::MetricsArgs;
pub(crate) use module_args::{ModuleArgs, all_functions, existing_folder};
#[cfg(feature = "otel")]
pub(crate) use otlp_args::OtlpArgs;
pub(crate) use request_args::{RequestArgs, Target};
pub(crate) use script_args::ScriptArgs;
pub(crate) use script_file::{Script, ScriptFile};
pub(crate) use server_args::ServerArgs;
pub(crate) use task_ref::TaskRef;
pub(crate) use timeout::{Timeout, duration};
pub(crate) use tokens_args::TokensArgs;
