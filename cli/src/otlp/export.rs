use std::env;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use super::collector::Collector;
use crate::error::CommandError;

/// Sends finished spans to a collector: OTLP over HTTP, in protobuf, every 5 s or 512 spans.
///
/// Up to 2,048 spans wait; further ones are dropped, and the log says how many. The variables `OTEL_EXPORTER_OTLP_HEADERS`,
/// `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER` and `OTEL_BSP_*` of OpenTelemetry hold.
#[derive(Debug)]
pub(crate) struct OtlpExport {
    provider: SdkTracerProvider,
}

/// The layer of a tracing subscriber that gives spans to the export.
type SpanLayer<S> = Box<dyn Layer<S> + Send + Sync>;

/// How long the end of the command waits for the last batch.
const LAST_BATCH: Duration = Duration::from_secs(5);

impl OtlpExport {
    /// An export to the collector at `url`, to whose path `/v1/traces` is added.
    ///
    /// # Errors
    /// If the URL, or a variable of OpenTelemetry, is wrong.
    pub(crate) fn start(url: &str) -> Result<Self, CommandError> {
        let usage = |error: String| {
            let problem = format!("{error}; give the URL of a collector, such as http://127.0.0.1:4318");
            CommandError::usage("--otlp <URL>", problem)
        };
        let collector = Collector::new(url).map_err(|error| usage(error.to_string()))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector)
            .with_endpoint(format!("{}/v1/traces", url.trim_end_matches('/')))
            .build()
            .map_err(|error| usage(error.to_string()))?;
        let mut resource = Resource::builder();
        if env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name("rhaid");
        }
        let provider = SdkTracerProvider::builder();
        let provider = provider.with_resource(resource.build()).with_batch_exporter(exporter).build();
        Ok(Self { provider })
    }

    /// The layer that gives it the spans of this project. Those of the exporter itself would never end.
    pub(crate) fn layer<S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync>(&self) -> SpanLayer<S> {
        let tracer = self.provider.tracer("rhaid");
        let targets = Targets::new().with_target("rhai_dispatcher", LevelFilter::INFO);
        tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_filter(targets).boxed()
    }

    /// Sends what has not been sent.
    pub(crate) fn end(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST_BATCH) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}
