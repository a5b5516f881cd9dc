use rhai_dispatcher::metrics::Metric;

/// What the command adds to the metrics of the library.
pub(super) static METRICS: &[Metric] = &[
    Metric::gauge("rhaid_build_info", &["version"], "Always 1; its label is the version of rhaid."),
    Metric::counter("rhaid_restarts_total", &[], "Times that the worker process died and was started again."),
    Metric::gauge("process_resident_memory_bytes", &[], "Resident memory of the process. Linux only."),
];
