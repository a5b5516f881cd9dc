use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::{Context, Poll};

use rhai_dispatcher::WorkerId;
use rhai_dispatcher::dispatcher::{HandlerType, MethodForm, MethodInfo};
use rhai_dispatcher::task::{Json, MethodName, Outcome, TaskLog};
use rhai_dispatcher::transport::Transport;
use rhai_dispatcher::worker::{Handler, LocalBoxFuture, MethodSource, Ran, Run, RunningWorker, Worker};
use serde_json::{Value, json};

/// A worker with the methods of the examples of the specification, whose names have no handler before them.
pub(super) async fn start(transport: Arc<dyn Transport>) -> RunningWorker {
    let worker = Worker::new(transport, WorkerId::try_from("spec").expect("an id"));
    worker.with_methods(Arc::new(SpecMethods)).start(|| SpecMethods).await.expect("it starts")
}

#[derive(Debug)]
struct SpecMethods;

/// The last one has a name that the specification reserves.
const NAMES: [&str; 7] =
    ["subtract", "sum", "update", "get_data", "notify_hello", "notify_sum", "rpc.of_a_worker"];

impl MethodSource for SpecMethods {
    fn handlers(&self) -> Vec<rhai_dispatcher::handlers::HandlerInfo> {
        let mut info = rhai_dispatcher::handlers::HandlerInfo::new("spec", HandlerType::Native);
        let named = |name: &str| MethodInfo::new(name.parse().expect("a name"), vec![MethodForm::default()]);
        info.methods = NAMES.iter().map(|name| named(name)).collect();
        vec![info]
    }

    fn has(&self, method: &MethodName) -> bool {
        NAMES.contains(&method.as_str())
    }

    fn poll_changed(&self, seen: u64, _: &mut Context<'_>) -> Poll<u64> {
        if seen == 1 { Poll::Pending } else { Poll::Ready(1) }
    }
}

impl Handler for SpecMethods {
    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<NonZeroUsize> {
        Poll::Ready(NonZeroUsize::MIN)
    }

    fn handle(&self, run: Run) -> LocalBoxFuture<'static, Ran> {
        let task = &run.claimed.task;
        let params: Value = task.args.to().expect("params");
        let number =
            |name: &str, at: usize| params.get(name).or_else(|| params.get(at)).and_then(Value::as_i64);
        let result = match task.payload.method().map(MethodName::as_str) {
            Some("subtract") => {
                json!(number("minuend", 0).expect("a number") - number("subtrahend", 1).expect("a number"))
            }
            Some("sum") => json!((0..).map_while(|at| number("", at)).sum::<i64>()),
            Some("get_data") => json!(["hello", 5]),
            _ => Value::Null,
        };
        let output = Json::of(&result).expect("JSON").into();
        Box::pin(async move { Ran::Finished(Outcome::Completed(output), TaskLog::new()) })
    }
}
