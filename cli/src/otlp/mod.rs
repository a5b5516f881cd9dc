//! The export of spans to a collector of OpenTelemetry.
//!
//! # Layout
//! - `export`: [`OtlpExport`], from the start of the command to its end.
//! - `collector`: how its requests are sent.

mod collector;
mod export;

pub(crate) use export::OtlpExport;
