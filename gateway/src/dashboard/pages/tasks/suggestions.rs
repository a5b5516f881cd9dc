use std::collections::BTreeSet;

use rhai_dispatcher::TaskStatus;
use serde_json::json;

use crate::dashboard::frame::{PageError, Visit};

/// As many names are offered of one kind.
const MAX_NAMES: usize = 200;

/// The fields of a filter with the values that are known, as JSON for the script that offers them.
pub(super) async fn suggestions(visit: &Visit) -> Result<String, PageError> {
    let Some(scope) = visit.scope() else { return Ok("{}".to_owned()) };
    let snapshot = visit.core.monitor.read(visit.dispatcher().transport()).await?;
    let workers = snapshot.queues.iter().map(|queue| &queue.worker_id).filter(|id| scope.allows_worker(id));
    let workers: Vec<_> = workers.take(MAX_NAMES).map(|id| id.as_str()).collect();
    let (mut handlers, mut methods) = (BTreeSet::new(), BTreeSet::new());
    for handler in visit.dispatcher().get_handlers().await? {
        let seen =
            handler.methods.iter().map(|method| &method.info.name).filter(|name| scope.sees_method(name));
        let seen: Vec<_> = seen.map(|name| name.as_str().to_owned()).collect();
        if scope.allows_worker(&handler.worker_id) && !seen.is_empty() {
            handlers.insert(handler.name);
            methods.extend(seen);
        }
    }
    let statuses: Vec<_> = TaskStatus::ALL.iter().map(|status| status.as_str()).collect();
    Ok(json!({
        "status": statuses,
        "worker": workers,
        "handler": handlers.iter().take(MAX_NAMES).collect::<Vec<_>>(),
        "method": methods.iter().take(MAX_NAMES).collect::<Vec<_>>(),
        "kind": ["runtime", "limit", "timeout", "parse", "panic", "output", "crashed", "unknown_method", "bad_params"],
        "since": ["5m", "1h", "24h"],
        "older": ["10m", "1h"],
        "slower": ["100ms", "1s", "10s"],
        "script": [], "caller": [], "context": [], "task": [], "error": [], "fingerprint": [], "until": [],
    })
    .to_string())
}
