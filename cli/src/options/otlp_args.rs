use clap::Args;

/// The collector of OpenTelemetry that gets the spans of tasks.
#[allow(rustdoc::bare_urls, reason = "its comments are help on a terminal")]
#[derive(Debug, Clone, Args)]
pub(crate) struct OtlpArgs {
    /// Send the spans of tasks to an OpenTelemetry collector, such as http://127.0.0.1:4318
    ///
    /// The worker sends them by OTLP over HTTP, in protobuf, to URL/v1/traces. Other settings are variables of
    /// OpenTelemetry, such as OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME [default: rhaid] and OTEL_TRACES_SAMPLER.
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT", hide_env_values = true)]
    otlp: Option<String>,
}

impl OtlpArgs {
    /// The collector's URL, if there is one.
    pub(crate) fn url(&self) -> Option<&str> {
        self.otlp.as_deref().filter(|url| !url.is_empty())
    }
}
