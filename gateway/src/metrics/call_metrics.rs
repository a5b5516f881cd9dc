use std::sync::OnceLock;
use std::time::Instant;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// What calls of methods count.
#[derive(Debug)]
pub(crate) struct CallMetrics {
    in_flight: Gauge,
    /// One for each method of the gateway, by its place in the table, and behind them that of all methods of workers.
    methods: Vec<OfMethod>,
}

#[derive(Debug)]
struct OfMethod {
    name: &'static str,
    seconds: OnceLock<Histogram>,
    completed: OnceLock<Counter>,
}

/// A call that is counted as in flight until it is dropped. A call that is dropped before its end, since its client has left,
/// counts nothing else.
#[derive(Debug)]
pub(crate) struct CountedCall<'a> {
    metrics: &'a CallMetrics,
    of_method: &'a OfMethod,
    begun: Instant,
}

impl CallMetrics {
    /// With the names of the gateway's own methods.
    pub(crate) fn new(names: impl Iterator<Item = &'static str>) -> Self {
        let methods = names.chain(["*"]);
        let methods =
            methods.map(|name| OfMethod { name, seconds: OnceLock::new(), completed: OnceLock::new() });
        Self { in_flight: gauge!("rhai_gateway_calls_in_flight"), methods: methods.collect() }
    }

    /// A call of the method at this place in the table begins; without a place, one of a worker's.
    pub(crate) fn begin(&self, place: Option<usize>) -> CountedCall<'_> {
        self.in_flight.increment(1.0);
        let of_method = &self.methods[place.unwrap_or(self.methods.len() - 1)];
        CountedCall { metrics: self, of_method, begun: Instant::now() }
    }
}

impl CountedCall<'_> {
    /// It has a result, or an error with this code.
    pub(crate) fn end(self, code: Option<i32>) {
        let OfMethod { name, seconds, completed } = self.of_method;
        let name = *name;
        seconds
            .get_or_init(|| histogram!("rhai_gateway_call_seconds", "method" => name))
            .record(self.begun.elapsed());
        let count = |code: String| counter!("rhai_gateway_calls_total", "method" => name, "code" => code);
        match code {
            // Most have one, and do not look for their counter again.
            None => completed.get_or_init(|| count("ok".to_owned())).increment(1),
            Some(code) => count(code.to_string()).increment(1),
        }
    }
}

impl Drop for CountedCall<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.decrement(1.0);
    }
}
