use std::collections::VecDeque;
use std::sync::Mutex;

use rhai_dispatcher_core::{EndedRun, lock};
use tokio::sync::Notify;

/// The runs of one instance that have ended and are not logged yet. It is bounded: the oldest go.
#[derive(Debug, Default)]
pub(crate) struct ActivityOutbox {
    state: Mutex<State>,
    /// Says that there is something to send, or that the instance has ended.
    pub(super) changed: Notify,
    /// Says that there is enough for a batch.
    pub(super) is_full: Notify,
}

#[derive(Debug, Default)]
struct State {
    runs: VecDeque<EndedRun>,
    /// About how many bytes their tasks hold.
    bytes: usize,
    /// How many were dropped since that was last logged.
    dropped: u64,
    is_closed: bool,
}

/// How many runs one batch has at most.
pub(super) const MAX_BATCH: usize = 256;

impl ActivityOutbox {
    /// How many runs wait at most.
    const MAX_RUNS: usize = 8_192;

    /// How many bytes the tasks of runs that wait hold at most, about.
    const MAX_BYTES: usize = 16 << 20;

    /// Takes runs, of which the oldest go if they are too many.
    pub(crate) fn push(&self, runs: Vec<EndedRun>) {
        let mut state = lock(&self.state);
        if state.is_closed {
            return;
        }
        let was_empty = state.runs.is_empty();
        let had_batch = state.runs.len() >= MAX_BATCH;
        for run in runs {
            state.bytes += bytes_of(&run);
            state.runs.push_back(run);
            while state.runs.len() > Self::MAX_RUNS || state.bytes > Self::MAX_BYTES {
                let Some(oldest) = state.runs.pop_front() else { break };
                state.bytes -= bytes_of(&oldest);
                state.dropped += 1;
            }
        }
        let has_batch = state.runs.len() >= MAX_BATCH;
        drop(state);
        if was_empty {
            self.changed.notify_one();
        }
        if has_batch && !had_batch {
            self.is_full.notify_one();
        }
    }

    /// Takes the oldest runs, at most `most`. Also how many have been dropped since the last time.
    pub(super) fn take(&self, most: usize) -> (Vec<EndedRun>, u64) {
        let mut state = lock(&self.state);
        let count = state.runs.len().min(most);
        let runs: Vec<_> = state.runs.drain(..count).collect();
        state.bytes -= runs.iter().map(bytes_of).sum::<usize>();
        (runs, std::mem::take(&mut state.dropped))
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.state).runs.len()
    }

    /// The instance has ended; nothing more is sent.
    pub(crate) fn close(&self) {
        *lock(&self.state) = State { is_closed: true, ..State::default() };
        self.changed.notify_one();
        self.is_full.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        lock(&self.state).is_closed
    }
}

/// About what a run keeps in memory.
fn bytes_of(run: &EndedRun) -> usize {
    let error = run.error.as_ref().map_or(0, |error| error.message.len());
    size_of::<EndedRun>() + run.task.payload.bytes() + run.task.args.as_str().len() + error
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rhai_dispatcher_core::{Claim, Clock, InstanceId, ManualClock, Payload, Task, TaskStatus, WorkerId};

    use super::*;

    fn run(script: &str) -> EndedRun {
        let worker_id = WorkerId::try_from("w").expect("an id");
        let task = Arc::new(Task::new(worker_id, Payload::script(script), "c"));
        EndedRun {
            claim: Claim { task: task.id, instance: InstanceId::new(), delivery: 1 },
            task,
            attempt: 0,
            status: TaskStatus::Completed,
            queue_time: None,
            run_time: Duration::ZERO,
            ended_at: ManualClock::new().now(),
            cancel_reason: None,
            error: None,
        }
    }

    #[test]
    fn oldest_runs_go_and_are_counted() {
        let outbox = ActivityOutbox::default();
        let runs: Vec<_> = (0..ActivityOutbox::MAX_RUNS + 2).map(|_| run("1")).collect();
        let third = runs[2].claim;
        outbox.push(runs);
        let (taken, dropped) = outbox.take(10);
        assert_eq!((taken[0].claim, taken.len(), dropped), (third, 10, 2));
        assert_eq!(outbox.take(1).1, 0, "they are counted once");
        let script = "x".repeat(6 << 20);
        outbox.push((0..4).map(|_| run(&script)).collect());
        assert_eq!(outbox.take(10).0.len(), 2, "two of 6 MiB are within the bound");
        assert_eq!(outbox.len(), 0);
        assert_eq!(lock(&outbox.state).bytes, 0);
    }

    #[test]
    fn closed_outbox_takes_nothing() {
        let outbox = ActivityOutbox::default();
        outbox.push(vec![run("1")]);
        outbox.close();
        outbox.push(vec![run("1")]);
        assert_eq!((outbox.len(), outbox.is_closed()), (0, true));
    }
}
