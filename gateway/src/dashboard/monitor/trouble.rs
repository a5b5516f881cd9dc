use rhai_dispatcher::WorkerId;

use super::{Point, Snapshot};
use crate::dashboard::text::{count, counted, percent, span};

/// Something that keeps tasks from being done, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dashboard) struct Trouble {
    /// Whether tasks wait until something is done about it.
    pub(in crate::dashboard) is_grave: bool,
    pub(in crate::dashboard) what: String,
    /// Why, or what helps.
    pub(in crate::dashboard) hint: String,
    /// A page about it, from the root.
    pub(in crate::dashboard) path: String,
}

/// As many are told.
const MAX_TROUBLES: usize = 8;
/// From this share of errors on they are told.
const MANY_ERRORS: f64 = 0.1;
/// The readings of a minute.
const MINUTE: usize = 30;

/// What is wrong with the queues that `sees` holds for, the gravest first.
pub(in crate::dashboard) fn troubles(snapshot: &Snapshot, sees: impl Fn(&WorkerId) -> bool) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    for queue in snapshot.queues.iter().filter(|queue| sees(&queue.worker_id)) {
        let (id, waiting) = (&queue.worker_id, queue.waiting());
        let path = "queues".to_owned();
        let oldest = queue.oldest_ready.map(|oldest| span(snapshot.now - oldest));
        let oldest = oldest.map(|age| format!(", the oldest was accepted {age} ago")).unwrap_or_default();
        if queue.instances == 0 && waiting > 0 {
            troubles.push(Trouble {
                is_grave: true,
                what: format!("No worker serves {id}: {}{oldest}.", waiting_tasks(waiting)),
                hint: format!(
                    "Start one with `rhaid worker --id {id}`, or cancel the tasks if the name is a mistake."
                ),
                path: path.clone(),
            });
        } else if queue.paused && waiting > 0 {
            troubles.push(Trouble {
                is_grave: true,
                what: format!("The queue {id} is paused: {}{oldest}.", waiting_tasks(waiting)),
                hint: "It was paused by an operator; tasks start again when it is resumed.".to_owned(),
                path: path.clone(),
            });
        }
        if queue.quarantined > 0 {
            troubles.push(Trouble {
                is_grave: false,
                what: format!("{id} has {} in quarantine.", counted(queue.quarantined, "task")),
                hint: "Their worker died while it ran them. They start again in small groups.".to_owned(),
                path,
            });
        }
    }
    troubles.extend(many_errors(&snapshot.points(&sees)));
    troubles.sort_by_key(|trouble| !trouble.is_grave);
    if troubles.len() > MAX_TROUBLES {
        let more = troubles.len() - MAX_TROUBLES;
        troubles.truncate(MAX_TROUBLES);
        troubles.push(Trouble {
            is_grave: false,
            what: format!("And {more} more."),
            hint: "The list of queues has all of them.".to_owned(),
            path: "queues".to_owned(),
        });
    }
    troubles
}

fn many_errors(points: &[Point]) -> Option<Trouble> {
    let minute = &points[points.len().saturating_sub(MINUTE)..];
    let errors: u64 = minute.iter().map(|point| point.errors).sum();
    let all = errors + minute.iter().map(|point| point.completed).sum::<u64>();
    let share = errors as f64 / all.max(1) as f64;
    // Of very few tasks one error is a large share.
    (all >= 10 && share >= MANY_ERRORS).then(|| Trouble {
        is_grave: false,
        what: format!(
            "{} of {} tasks of the last minute ended in errors ({}).",
            count(errors),
            count(all),
            percent(share)
        ),
        hint: "The page of errors shows which, and since when.".to_owned(),
        path: "errors".to_owned(),
    })
}

fn waiting_tasks(number: usize) -> String {
    format!("{} {}", counted(number, "task"), if number == 1 { "waits" } else { "wait" })
}
