use rhai_dispatcher::transport::WallTime;
use rhai_dispatcher::{CancelReason, RhaiTaskDetails, TaskStatus};

use crate::dashboard::text::{Ago, Excerpt, span};

/// One step of a task's life.
#[derive(Debug)]
pub(super) struct Step {
    /// Its colour.
    pub(super) tone: &'static str,
    pub(super) what: String,
    pub(super) at: Option<Ago>,
}

/// What has happened to a task, as its record says.
pub(super) fn timeline(details: &RhaiTaskDetails, now: WallTime) -> Vec<Step> {
    let at = |time: WallTime| Some(Ago::new(time, now));
    let step = |tone, what: String, at| Step { tone, what, at };
    let mut steps = vec![step(
        "",
        format!("Accepted from {}", Excerpt::line(&details.caller_id, 60)),
        at(details.created_at),
    )];
    if let Some(run_at) = details.run_at {
        let what = match (details.attempt, run_at > now) {
            (0, true) => "Its delay ends",
            (0, false) => "Its delay ended",
            (_, true) => "Its next try may start",
            (_, false) => "Its next try could start",
        };
        steps.push(step("", what.to_owned(), at(run_at)));
    }
    if let Some(started) = details.started_at {
        // What it waited for was its turn, from its acceptance or from the end of a delay on.
        let ready = details.run_at.filter(|run_at| *run_at <= started).unwrap_or(details.created_at);
        let waited = span(started - ready);
        let what = match details.delivery {
            0 | 1 => format!("Started, after {waited} in the queue"),
            delivery => format!("Started for the {delivery}. time, {waited} after it could"),
        };
        steps.push(step(
            if details.status == TaskStatus::Processing { "now" } else { "" },
            what,
            at(started),
        ));
    }
    if details.attempt > 0 && !details.status.is_terminal() {
        steps.push(step("warn", format!("{} tries ended in errors", details.attempt), None));
    }
    let ran = details.started_at.map(|started| format!(" after {}", span(details.updated_at - started)));
    let ran = ran.unwrap_or_default();
    match details.status {
        TaskStatus::Completed => steps.push(step("good", format!("Completed{ran}"), at(details.updated_at))),
        TaskStatus::Error => {
            steps.push(step("bad", format!("Ended in an error{ran}"), at(details.updated_at)));
        }
        TaskStatus::Cancelled => {
            steps.push(step(
                "warn",
                format!("Cancelled{ran}{}", why(details.cancel_reason)),
                at(details.updated_at),
            ));
        }
        _ => {}
    }
    steps
}

fn why(reason: Option<CancelReason>) -> &'static str {
    match reason {
        Some(CancelReason::Asked) => ": it was asked for",
        Some(CancelReason::Withdrawn) => ": its caller stopped waiting",
        Some(CancelReason::Expired) => ": its time was over",
        Some(CancelReason::Parent) => ": the task that dispatched it was cancelled",
        _ => "",
    }
}
