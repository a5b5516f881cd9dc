use super::Metric;

/// The label of a worker's metrics: the worker id that it serves.
const WORKER: &[&str] = &["worker_id"];
const ENDED: &[&str] = &["worker_id", "status"];

/// What workers, dispatchers and [`TransportMetrics`](super::TransportMetrics) count.
pub static METRICS: &[Metric] = &[
    Metric::counter("rhai_tasks_started_total", WORKER, "Tasks that a lane has begun, each start counted."),
    Metric::counter(
        "rhai_tasks_taken_over_total",
        WORKER,
        "Starts of tasks that another instance, or this one earlier, had begun and lost.",
    ),
    Metric::counter(
        "rhai_tasks_ended_total",
        ENDED,
        "Outcomes that the worker has written; status is completed, error or cancelled.",
    ),
    Metric::counter("rhai_tasks_retried_total", WORKER, "Runs that ended in an error and are tried again."),
    Metric::counter("rhai_tasks_released_total", WORKER, "Tasks that were released, as if not claimed."),
    Metric::counter("rhai_tasks_given_up_total", WORKER, "Tasks that were taken from a blocked lane."),
    Metric::counter(
        "rhai_tasks_fenced_total",
        WORKER,
        "Ends that the transport refused: another instance had taken the task over.",
    ),
    Metric::counter(
        "rhai_tasks_lost_total",
        WORKER,
        "Claims that the worker lost because it renewed its lease too late.",
    ),
    Metric::gauge("rhai_tasks_running", WORKER, "Tasks that lanes have begun and that have not ended."),
    Metric::histogram(
        "rhai_task_queue_seconds",
        WORKER,
        "From the acceptance of a task, or the end of its delay or backoff, to its start, by the transport's clock.",
    ),
    Metric::histogram("rhai_task_seconds", WORKER, "From the start of a task on its lane to its end."),
    Metric::gauge("rhai_lanes", WORKER, "Threads that run tasks."),
    Metric::histogram(
        "rhai_lane_busy_seconds",
        WORKER,
        "Times without a rest of a lane; the rate of the sum, divided by rhai_lanes, is the lanes' utilisation.",
    ),
    Metric::counter(
        "rhai_lease_renewals_total",
        &["worker_id", "result"],
        "Renewals of the lease; result is ok or failed.",
    ),
    Metric::counter(
        "rhai_method_calls_total",
        &["worker_id", "method", "status"],
        "Runs of a method that have ended; status is completed, error or cancelled. Methods beyond max_figures (1,000), and \
         unknown ones, have the name *.",
    ),
    Metric::histogram(
        "rhai_method_seconds",
        &["worker_id", "method"],
        "From the start of a run of a method to its end.",
    ),
    Metric::counter(
        "rhai_dispatcher_submits_total",
        &["result"],
        "Tasks that dispatchers have submitted; result is accepted, joined (an earlier request with its id), refused (full \
         queue, conflict) or failed.",
    ),
    Metric::counter(
        "rhai_dispatcher_requests_total",
        &["result"],
        "Requests whose caller waited; result is completed, error, cancelled, timeout or failed (no outcome).",
    ),
    Metric::gauge("rhai_dispatcher_requests_in_flight", &[], "Requests whose caller waits now."),
    Metric::histogram("rhai_dispatcher_request_seconds", &[], "From the submit of a request to its outcome."),
    Metric::histogram(
        "rhai_dispatcher_queue_seconds",
        &[],
        "From the acceptance of a request, delay included, to its last start, by the transport's clock.",
    ),
    Metric::gauge(
        "rhai_queue_ready_tasks",
        &["worker_id", "priority"],
        "Tasks that could start now, by priority: high, normal or low.",
    ),
    Metric::gauge("rhai_queue_delayed_tasks", WORKER, "Tasks whose delay or backoff is not over."),
    Metric::gauge("rhai_queue_quarantined_tasks", WORKER, "Quarantined tasks that wait."),
    Metric::gauge("rhai_queue_claimed_tasks", WORKER, "Tasks that all instances of the queue hold."),
    Metric::gauge("rhai_queue_instances", WORKER, "Living instances of the queue."),
    Metric::gauge("rhai_queue_paused", WORKER, "1 if the claims of the queue are stopped, else 0."),
    Metric::gauge("rhai_transport_connected", &[], "1 if the transport can serve calls now, else 0."),
    Metric::gauge("rhai_transport_waits", &[], "Waits for outcomes that are registered at the transport."),
    Metric::counter(
        "rhai_transport_reconnects_total",
        &[],
        "Times that a connection was lost and made again.",
    ),
];
