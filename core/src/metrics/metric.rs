use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// What is known of a metric: its name, what it measures, and its labels.
///
/// Names end in their unit: `_seconds`, `_bytes`; other metrics are counts. The names of counters end in `_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// How its value behaves.
    pub kind: MetricKind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it measures: a sentence.
    pub help: &'static str,
}

/// How the value of a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// It only grows, and begins at zero with the process.
    Counter,
    /// It grows and falls.
    Gauge,
    /// Observations, of which the number, the sum and the distribution are kept.
    Histogram,
}

impl Metric {
    /// A counter.
    #[must_use]
    pub const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { name, kind: MetricKind::Counter, labels, help }
    }

    /// A gauge.
    #[must_use]
    pub const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { name, kind: MetricKind::Gauge, labels, help }
    }

    /// A histogram.
    #[must_use]
    pub const fn histogram(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { name, kind: MetricKind::Histogram, labels, help }
    }

    /// Tells the installed recorder its unit and what it measures.
    pub fn describe(&self) {
        let unit = if self.name.ends_with("_seconds") {
            Unit::Seconds
        } else if self.name.ends_with("_bytes") {
            Unit::Bytes
        } else {
            Unit::Count
        };
        match self.kind {
            MetricKind::Counter => describe_counter!(self.name, unit, self.help),
            MetricKind::Gauge => describe_gauge!(self.name, unit, self.help),
            MetricKind::Histogram => describe_histogram!(self.name, unit, self.help),
        }
    }
}

impl MetricKind {
    /// Its name, as Prometheus has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}
