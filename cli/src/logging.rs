//! The library's own log, on standard error.

use std::env::{self, VarError};
use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::error::CommandError;

const VARIABLE: &str = "RUST_LOG";

/// Starts logging with the filter in `RUST_LOG`, or with `default` if the variable is not set or empty.
pub(crate) fn start(default: &str) -> Result<(), CommandError> {
    let directives = match env::var(VARIABLE) {
        Ok(directives) => directives,
        Err(VarError::NotPresent) => String::new(),
        Err(VarError::NotUnicode(_)) => return Err(CommandError::usage(VARIABLE, "it is not UTF-8")),
    };
    let directives = if directives.trim().is_empty() { default } else { &directives };
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).parse(directives);
    let filter = filter.map_err(|error| CommandError::usage(VARIABLE, error.to_string()))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // Otherwise the subscriber reports a closed standard error with `eprintln!`, which panics.
        .log_internal_errors(false)
        .init();
    Ok(())
}
