use rhai_dispatcher::metrics::Metric;

const ENTRANCE: &[&str] = &["entrance"];

/// What a gateway counts, in the order of docs/gateway.md. Labels have values of closed lists only.
pub static METRICS: &[Metric] = &[
    Metric::gauge("rhai_gateway_connections", &[], "Connections that are open, WebSockets among them."),
    Metric::gauge("rhai_gateway_websockets", &[], "WebSockets that are open."),
    Metric::gauge("rhai_gateway_subscriptions", &[], "Subscriptions to tasks, of all WebSockets."),
    Metric::gauge("rhai_gateway_calls_in_flight", &[], "Calls of methods that have no answer yet."),
    Metric::counter(
        "rhai_gateway_calls_total",
        &["method", "code"],
        "Calls of methods that have ended; method is one of the gateway itself, or * for those of workers; code is ok or the \
         code of the error, of which -32601 is an unknown method.",
    ),
    Metric::histogram(
        "rhai_gateway_call_seconds",
        &["method"],
        "From the reading of a call to its result or error; method as above.",
    ),
    Metric::counter(
        "rhai_gateway_received_bytes_total",
        ENTRANCE,
        "Bytes of messages from clients; entrance is http (POST /rpc) or websocket.",
    ),
    Metric::counter("rhai_gateway_sent_bytes_total", ENTRANCE, "Bytes of answers and events to clients."),
    Metric::counter(
        "rhai_gateway_limits_total",
        &["limit"],
        "Requests, connections and messages that a limit has refused or ended; limit is its name.",
    ),
];
