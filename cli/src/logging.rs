//! The library's own log, on standard error.

use std::env::{self, VarError};
use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
#[cfg(feature = "otel")]
use tracing_subscriber::layer::{Layer, SubscriberExt};
#[cfg(feature = "otel")]
use tracing_subscriber::util::SubscriberInitExt;

use crate::error::CommandError;
#[cfg(feature = "otel")]
use crate::otlp::OtlpExport;

const VARIABLE: &str = "RUST_LOG";

/// Starts logging with the filter in `RUST_LOG`, or with `default` if the variable is not set or empty.
pub(crate) fn start(default: &str) -> Result<(), CommandError> {
    tracing_subscriber::fmt()
        .with_env_filter(filter(default)?)
        .with_writer(io::stderr)
        // Otherwise the subscriber reports a closed standard error with `eprintln!`, which panics.
        .log_internal_errors(false)
        .init();
    Ok(())
}

/// The same, and gives the spans of tasks to an export, whatever the filter of the log is.
#[cfg(feature = "otel")]
pub(crate) fn start_with(default: &str, export: &OtlpExport) -> Result<(), CommandError> {
    let log = tracing_subscriber::fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    let registry = tracing_subscriber::registry().with(export.layer());
    registry.with(log.with_filter(filter(default)?)).init();
    Ok(())
}

/// The filter in `RUST_LOG`, or `default`.
fn filter(default: &str) -> Result<EnvFilter, CommandError> {
    let directives = match env::var(VARIABLE) {
        Ok(directives) => directives,
        Err(VarError::NotPresent) => String::new(),
        Err(VarError::NotUnicode(_)) => return Err(CommandError::usage(VARIABLE, "it is not UTF-8")),
    };
    let directives = if directives.trim().is_empty() { default } else { &directives };
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).parse(directives);
    filter.map_err(|error| CommandError::usage(VARIABLE, error.to_string()))
}
