use std::num::NonZeroUsize;
use std::sync::Arc;

use futures::future::BoxFuture;
use rhai_dispatcher_core::{
    Claim, Claimed, Completion, Consumer, Finish, Finished, Json, LogLevel, Outcome, TaskError,
    TaskErrorKind, TaskLog,
};

/// Shorthands for the calls of cases to a consumer. An error of the call fails the case.
pub(crate) trait Instance {
    /// Waits for one task.
    fn claim_one(&self) -> BoxFuture<'_, Claimed>;

    /// Waits for `count` tasks, with several claims if a claim returns fewer.
    fn claim_all(&self, count: usize) -> BoxFuture<'_, Vec<Claimed>>;

    /// Ends claims.
    fn end_all<'a>(&'a self, done: &'a [Completion]) -> BoxFuture<'a, Vec<Finished>>;

    /// Ends one claim.
    fn end(&self, claim: Claim, finish: Finish) -> BoxFuture<'_, Finished>;

    /// Ends a claim with an output, and checks that the output was written.
    fn complete(&self, claim: Claim) -> BoxFuture<'_, ()>;
}

impl Instance for Arc<dyn Consumer> {
    fn claim_one(&self) -> BoxFuture<'_, Claimed> {
        Box::pin(async { self.claim_all(1).await.remove(0) })
    }

    fn claim_all(&self, count: usize) -> BoxFuture<'_, Vec<Claimed>> {
        Box::pin(async move {
            let mut all = Vec::with_capacity(count);
            while all.len() < count {
                let batch = self.claim(up_to(count - all.len())).await.expect("a claim");
                assert!(!batch.is_empty(), "a claim never answers with nothing");
                all.extend(batch);
            }
            assert_eq!(all.len(), count, "a claim takes no more than asked");
            all
        })
    }

    fn end_all<'a>(&'a self, done: &'a [Completion]) -> BoxFuture<'a, Vec<Finished>> {
        Box::pin(async move {
            let answers: Result<Vec<_>, _> = self.finish(done).await.into_iter().collect();
            let answers = answers.expect("a finish");
            assert_eq!(answers.len(), done.len(), "one answer for each");
            answers
        })
    }

    fn end(&self, claim: Claim, finish: Finish) -> BoxFuture<'_, Finished> {
        Box::pin(async move { self.end_all(&[completion(claim, finish)]).await[0] })
    }

    fn complete(&self, claim: Claim) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            assert_eq!(self.end(claim, completed("42")).await, Finished::Written);
        })
    }
}

/// `count` as the argument of a claim.
pub(crate) fn up_to(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).expect("cases claim at least one")
}

pub(crate) fn completion(claim: Claim, finish: Finish) -> Completion {
    Completion { claim, finish, log: TaskLog::new() }
}

/// A finish with the output `json`.
pub(crate) fn completed(json: &str) -> Finish {
    Finish::Outcome(Outcome::Completed(Json::parse(json).expect("JSON").into()))
}

/// An error after which a task may be retried.
pub(crate) fn error() -> TaskError {
    TaskError::new(TaskErrorKind::Runtime, "no such luck")
        .at(Some(3), Some(7))
        .with_value(Json::parse(r#"{"code":[7,"ä"]}"#).ok())
}

/// A log of one line.
pub(crate) fn log(line: &str) -> TaskLog {
    let mut log = TaskLog::new();
    log.push(LogLevel::Print, line, TaskLog::MAX_BYTES);
    log
}
