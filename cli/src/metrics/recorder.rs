use std::io;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use rhai_dispatcher::metrics::{self as library, Metric};
use tokio::time::{MissedTickBehavior, interval};

use super::process::ProcessMetrics;
use super::table::METRICS;
use crate::error::CommandError;

/// Keeps the metrics of this process.
pub(crate) struct Recorder {
    handle: PrometheusHandle,
    process: ProcessMetrics,
}

/// The upper bounds of the buckets of times, in seconds: from a call in memory to the longest script.
const SECONDS: [f64; 15] =
    [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0, 3600.0];

impl Recorder {
    /// Installs it for this process, before anything that counts is made. Call it once.
    pub(crate) fn install() -> Result<Self, CommandError> {
        let system = |source| CommandError::System { doing: "installing the recorder of --metrics", source };
        let recorder = builder().map_err(io::Error::other).map_err(system)?.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder)
            .map_err(|error| system(io::Error::other(error.to_string())))?;
        library::describe();
        METRICS.iter().for_each(Metric::describe);
        Ok(Self { handle, process: ProcessMetrics::new() })
    }

    /// All metrics in the text format of Prometheus.
    pub(crate) fn text(&self) -> String {
        self.process.sample();
        self.handle.render()
    }

    /// Gathers observations into their buckets from time to time: until then they are kept one by one. It ends when it is
    /// dropped.
    pub(crate) async fn gather(&self) -> ! {
        /// How often, when no scrape does it.
        const INTERVAL: Duration = Duration::from_secs(5);
        let mut interval = interval(INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            self.handle.run_upkeep();
        }
    }
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
}
