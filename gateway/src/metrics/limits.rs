use metrics::counter;

/// Counts what the limit of this name has refused or ended. The name is one of the table of limits, so that the label is
/// bounded.
pub(crate) fn count_limit(name: &'static str) {
    counter!("rhai_gateway_limits_total", "limit" => name).increment(1);
}
