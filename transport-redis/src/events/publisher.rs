use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{Claim, ErrorLog, EventLimits, RunEvent, WorkerId};

use super::event_outbox::{EventOutbox, Unsent, UnsentRun};
use crate::client::{ClientError, ServerReply};
use crate::script::{Args, Script, ScriptCaller};
use crate::wire;

/// How long events are gathered before they are sent: bounds how often a task that prints in a loop calls the server. A
/// person does not notice the delay.
const GATHERED_FOR: Duration = Duration::from_millis(50);

/// How long the stream of a task is kept after its outcome, which has the lines in its log: for subscribers that have
/// not read the end of it.
const ENDED_TTL: Duration = Duration::from_secs(60);

/// How many bytes of events one call sends, about: as for batches of other calls.
const AT_ONCE: usize = 1 << 20;

/// Sends what the runs of an instance tell, until the instance ends. What the server does not take is dropped.
pub(crate) async fn publish(
    outbox: Arc<EventOutbox>,
    caller: Arc<ScriptCaller>,
    worker_id: WorkerId,
    log: Arc<ErrorLog>,
    ttl: Duration,
) {
    let limits = outbox.limits;
    loop {
        outbox.changed.notified().await;
        if outbox.is_closed() {
            return;
        }
        tokio::time::sleep(GATHERED_FOR).await;
        let Unsent { runs, ended } = outbox.take();
        let mut call = Call::new(limits, ttl);
        for task in ended {
            call.args.push_display(task).push_static("").push_static("e").push_display(ENDED_TTL.as_millis());
            call.claims.push(None);
        }
        for run in runs {
            call.push(run);
            if call.bytes >= AT_ONCE {
                std::mem::replace(&mut call, Call::new(limits, ttl))
                    .send(&caller, &worker_id, &outbox, &log)
                    .await;
            }
        }
        call.send(&caller, &worker_id, &outbox, &log).await;
    }
}

/// One call of the script.
struct Call {
    args: Args,
    /// The claim of each part, to which there is an answer; none for a task that has ended.
    claims: Vec<Option<Claim>>,
    bytes: usize,
}

impl Call {
    fn new(limits: EventLimits, ttl: Duration) -> Self {
        let mut args = Args::new();
        args.push_display(limits.events.max(1)).push_display(ttl.as_millis());
        Self { args, claims: Vec::new(), bytes: 0 }
    }

    fn push(&mut self, mut run: UnsentRun) {
        let claim = run.claim;
        self.bytes += run.events.bytes();
        let count = run.events.iter().filter(|(_, event)| !matches!(event, RunEvent::Started)).count();
        self.args
            .push_display(claim.task)
            .push_display(format_args!("{} {}", claim.instance, claim.delivery))
            .push_static(if run.is_emptied { "x" } else { "" })
            .push_display(count);
        while let Some((_, event)) = run.events.pop() {
            if let Some((kind, value)) = wire::event::encode(&event) {
                self.args.push_static(kind).push(value);
            }
        }
        self.claims.push(Some(claim));
    }

    async fn send(self, caller: &ScriptCaller, worker_id: &WorkerId, outbox: &EventOutbox, log: &ErrorLog) {
        if self.claims.is_empty() {
            return;
        }
        // A repetition writes what was written before once more: subscribers know lines by their numbers.
        match caller.run_unless_busy(Script::Events, worker_id, self.args).await {
            Ok(replies) => {
                let is_fenced = |reply: &ServerReply| reply.as_str() == Some("f");
                let answers = self.claims.into_iter().zip(replies.iter().skip(1));
                answers
                    .filter(|(_, reply)| is_fenced(reply))
                    .filter_map(|(claim, _)| claim)
                    .for_each(|claim| outbox.forget(&claim));
            }
            Err(error) => warn(log, self.claims.len(), &error),
        }
    }
}

fn warn(log: &ErrorLog, tasks: usize, error: &ClientError) {
    if let Some(left_out) = log.admit(&format!("events: {error}")) {
        tracing::warn!(%error, tasks, left_out, "what tasks told could not be sent to their subscribers, and is dropped");
    }
}
