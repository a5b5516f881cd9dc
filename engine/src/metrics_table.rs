use rhai_dispatcher_core::Metric;

const FUNCTION: &[&str] = &["function"];

/// What the engine counts. A *call* here is one of an asynchronous or blocking function, in both forms.
pub static METRICS: &[Metric] = &[
    Metric::counter("rhai_scripts_started_total", &[], "Scripts that have started."),
    Metric::counter(
        "rhai_scripts_ended_total",
        &["status"],
        "Scripts that have ended with their last request; status is completed, failed, timeout or stopped.",
    ),
    Metric::gauge("rhai_scripts_in_flight", &[], "Scripts that have started and not ended."),
    Metric::histogram("rhai_script_seconds", &[], "From the start of a script to its end."),
    Metric::histogram("rhai_script_cpu_seconds", &[], "How long a script computed, its waits not counted."),
    Metric::counter("rhai_slices_total", &[], "Times that a script ran without a pause."),
    Metric::gauge("rhai_fibers", &[], "Scripts that have a stack."),
    Metric::gauge(
        "rhai_memory_accounts",
        &[],
        "Scripts that hold memory, as of the last start or end of one.",
    ),
    Metric::gauge("rhai_stack_bytes", &[], "Address space of all stacks, idle ones included."),
    Metric::counter("rhai_requests_started_total", FUNCTION, "Calls of a function that scripts have begun."),
    Metric::counter(
        "rhai_requests_ended_total",
        &["function", "status"],
        "Calls of a function that have ended; status is completed, failed, timeout or cancelled.",
    ),
    Metric::gauge("rhai_requests_in_flight", FUNCTION, "Calls of a function that have not ended."),
    Metric::gauge("rhai_requests_waiting", FUNCTION, "Calls of a function that wait for a free slot."),
    Metric::histogram("rhai_request_seconds", FUNCTION, "From the start of a call of a function to its end."),
];
