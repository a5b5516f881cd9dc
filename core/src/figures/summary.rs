use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::Counters;
use crate::WallTime;

/// The figures of a method, or of all methods of a handler. Times are seconds in JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Figures {
    /// Runs that have ended: the sum of the next three.
    pub calls: u64,
    /// Runs that completed.
    pub completed: u64,
    /// Runs that ended in an error.
    pub errors: u64,
    /// Runs that were cancelled.
    pub cancelled: u64,
    /// Runs on the living instances that have not ended.
    pub in_flight: u64,
    /// The share of `completed` in `completed` and `errors`, from 0 to 1. `None` if both are 0.
    pub success_rate: Option<f64>,
    /// The mean of the times from the start of a run to its end. `None` without runs, as the next three.
    #[serde(serialize_with = "seconds", deserialize_with = "from_seconds")]
    pub average_time: Option<Duration>,
    /// The time that half of the runs were not above, within 6.25 %.
    #[serde(serialize_with = "seconds", deserialize_with = "from_seconds")]
    pub median_time: Option<Duration>,
    /// The time that 90 % of the runs were not above, within 6.25 %.
    #[serde(serialize_with = "seconds", deserialize_with = "from_seconds")]
    pub p90_time: Option<Duration>,
    /// The time that 99 % of the runs were not above, within 6.25 %.
    #[serde(serialize_with = "seconds", deserialize_with = "from_seconds")]
    pub p99_time: Option<Duration>,
    /// When the last run ended, by the transport's clock.
    pub last_activity: Option<WallTime>,
}

impl Figures {
    /// The figures of these counters.
    #[must_use]
    pub fn of(counters: &Counters, in_flight: u64, last_activity: Option<WallTime>) -> Self {
        let judged = counters.completed + counters.errors;
        let average = |calls| Duration::from_secs_f64(counters.micros as f64 / 1e6 / calls as f64);
        Self {
            calls: counters.calls(),
            completed: counters.completed,
            errors: counters.errors,
            cancelled: counters.cancelled,
            in_flight,
            success_rate: (judged > 0).then(|| counters.completed as f64 / judged as f64),
            average_time: (counters.calls() > 0).then(|| average(counters.calls())),
            median_time: counters.times.percentile(0.5),
            p90_time: counters.times.percentile(0.9),
            p99_time: counters.times.percentile(0.99),
            last_activity,
        }
    }
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}

fn from_seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let seconds = Option::<f64>::deserialize(deserializer)?;
    seconds.map(Duration::try_from_secs_f64).transpose().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_follow_from_the_counters() {
        let mut counters =
            Counters { completed: 2, errors: 1, cancelled: 1, micros: 4_000, ..Counters::default() };
        counters.times.add(Histogram::bucket_of(1_000), 4);
        let figures = Figures::of(&counters, 5, None);
        assert_eq!((figures.calls, figures.in_flight), (4, 5));
        assert_eq!(figures.success_rate, Some(2.0 / 3.0));
        assert_eq!(figures.average_time, Some(Duration::from_millis(1)));
        let text = serde_json::to_string(&figures).expect("JSON");
        assert!(text.contains(r#""averageTime":0.001"#), "{text}");
        assert_eq!(
            serde_json::from_str::<Figures>(&text).expect("figures").average_time,
            figures.average_time
        );
        assert_eq!(Figures::of(&Counters::default(), 0, None), Figures::default());
    }

    use crate::figures::Histogram;
}
