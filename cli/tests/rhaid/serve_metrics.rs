use serde_json::{Value, json};

use crate::metrics::{Scrape, documented, rows};
use crate::serve::Serving;
use crate::site::Site;

#[test]
fn metrics_of_a_live_gateway_are_those_of_the_documents() {
    let site = Site::new();
    let serving = Serving::start(&["--url", &site.redis.url(), "--gateway-limit", "max_batch=2"]);
    let call = |method: &str, params: Value| {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        serving.rpc(None, &request.to_string())
    };
    for _ in 0..3 {
        assert!(call("demo.add", json!([40, 2])).contains("42"));
    }
    assert!(call("play", json!(["1 + 1"])).contains("\"result\":2"));
    for unknown in ["demo.none", "no method", "rhai_gateway"] {
        assert!(call(unknown, json!([])).contains("-32601"));
    }
    assert!(call("task.status", json!(["x"])).contains("-32602"));
    assert!(serving.rpc(None, "[1, 2, 3]").contains("max_batch"));

    let scrape = Scrape::of(&serving.address);
    let calls = |method: &str, code: &str| {
        scrape.value(&format!("rhai_gateway_calls_total{{method=\"{method}\",code=\"{code}\"}}"))
    };
    assert_eq!((calls("*", "ok"), calls("*", "-32601")), (3.0, 3.0));
    assert_eq!((calls("play", "ok"), calls("task.status", "-32602")), (1.0, 1.0));
    assert_eq!(scrape.value("rhai_gateway_call_seconds_count{method=\"*\"}"), 6.0);
    assert_eq!(scrape.value("rhai_gateway_limits_total{limit=\"max_batch\"}"), 1.0);
    // The one of the scrape.
    assert_eq!(scrape.value("rhai_gateway_connections"), 1.0);
    for gauge in ["websockets", "subscriptions", "calls_in_flight"] {
        assert_eq!(scrape.value(&format!("rhai_gateway_{gauge}")), 0.0, "{gauge}");
    }
    for bytes in ["received", "sent"] {
        let series = format!("rhai_gateway_{bytes}_bytes_total{{entrance=\"http\"}}");
        assert!(scrape.value(&series) > 100.0, "{series}");
    }
    assert_eq!(scrape.value("rhai_transport_connected"), 1.0);

    let own = rows(include_str!("../../../docs/gateway.md"));
    let of_workers = documented();
    for (name, (kind, help)) in &scrape.metrics {
        let row = own.get(name).or_else(|| of_workers.get(name));
        let row = row.unwrap_or_else(|| panic!("{name} is in neither document"));
        assert_eq!((kind, &scrape.labels[name], help), (&row.0, &row.1, &row.2), "{name}");
    }
    for name in own.keys() {
        assert!(scrape.metrics.contains_key(name), "{name} is not in the scrape");
    }
}
