use std::collections::HashSet;
use std::io;

use rhai_dispatcher::TaskId;

use crate::chronicle::{TaskStory, WaitEnd};
use crate::fault::{Fault, FaultTarget, Hit};
use crate::ledger::RecordStory;
use crate::{Fixture, Tally, TaskKind};

/// Compares what the processes noted in a round with what the server wrote.
#[derive(Debug)]
pub struct Judge<'a> {
    fixture: &'a Fixture,
    /// Whether the server may have lost acknowledged writes.
    may_lose: bool,
}

/// How late a waiter may receive an outcome, in ms, outside of outages. Far above the usual delay, and below the interval
/// at which waits are checked against their records: a waiter that gets its outcome only by that check has hung.
const LATE: u64 = 10_000;

/// How long before a task's first start a fault may have ended that explains its second one, in ms: two leases.
const AFTERMATH: u64 = 5_000;

impl<'a> Judge<'a> {
    /// A judge of a fixture that was drained.
    #[must_use]
    pub const fn new(fixture: &'a Fixture, may_lose: bool) -> Self {
        Self { fixture, may_lose }
    }

    /// Adds the results of the round to `tally`.
    ///
    /// # Errors
    /// If the records can't be read.
    pub fn judge(&self, tally: &mut Tally) -> io::Result<()> {
        let stories = &self.fixture.chronicle.tasks;
        let records = self.fixture.ledger.records();
        let ids: HashSet<TaskId> = stories.keys().chain(records.keys()).copied().collect();
        let ids: Vec<TaskId> = ids.into_iter().collect();
        let now = self.fixture.read_records(&ids).map_err(io::Error::other)?;
        let (no_story, no_record) = (TaskStory::default(), RecordStory::default());
        for id in &ids {
            let story = stories.get(id).unwrap_or(&no_story);
            let record = records.get(id).unwrap_or(&no_record);
            self.outcome(*id, story, record, now.get(id).and_then(Option::as_ref), tally);
            self.waits(*id, story, record, tally);
            self.starts(*id, story, record, tally);
        }
        for hit in &self.fixture.hits {
            self.hit(hit, tally);
        }
        for (pid, at) in &self.fixture.chronicle.loosed {
            tally.waiting_with_poison.push(self.waiting_at(*pid, *at));
        }
        tally.failed_calls += self.fixture.chronicle.failed_calls;
        tally.failures.extend(self.fixture.chronicle.failures.iter().take(3).cloned());
        for unexpected in &self.fixture.unexpected {
            tally.unexpected += 1;
            tally.note(unexpected.clone());
        }
        Ok(())
    }

    fn outcome(
        &self,
        id: TaskId,
        story: &TaskStory,
        record: &RecordStory,
        now: Option<&String>,
        tally: &mut Tally,
    ) {
        tally.accepted += usize::from(story.kind.is_some());
        tally.records += 1;
        let first = record.terminals.first().map(|(outcome, _)| outcome);
        if first.is_none() && !record.deleted || now.is_none() {
            if self.may_lose {
                tally.lost_everysec += 1;
            } else {
                tally.lost += 1;
                tally.note(format!("task {id} ({:?}) has no outcome: {story:?} {record:?}", record.kind));
            }
            return;
        }
        if record.terminals.len() > 1 {
            tally.outcomes_twice += 1;
            tally.note(format!(
                "task {id}: {} terminal writes: {:?}",
                record.terminals.len(),
                record.terminals
            ));
        }
        let told = story.waits.iter().filter_map(|wait| match &wait.end {
            Some((_, WaitEnd::Outcome(outcome))) => Some(outcome),
            _ => None,
        });
        let differs = told.chain(now).any(|seen| Some(seen) != first);
        if differs && self.may_lose {
            tally.lost_everysec += 1;
        } else if differs {
            tally.outcomes_different += 1;
            tally.note(format!("task {id}: the record says {first:?}, {now:?} later, and {:?}", story.waits));
        }
        let innocent = record.kind != Some(TaskKind::Poison);
        if innocent && first.is_some_and(|outcome| outcome.starts_with("error crashed")) {
            tally.innocents_crashed += 1;
            tally.note(format!("task {id} is not poison and crashed: {story:?}"));
        }
    }

    fn waits(&self, id: TaskId, story: &TaskStory, record: &RecordStory, tally: &mut Tally) {
        for wait in &story.waits {
            tally.waits += 1;
            let hung = match &wait.end {
                // A waiter that was killed waits no more.
                None => !self.is_killed(wait.pid),
                // If the outcome came later than the wait could last, the waiter did not hang.
                Some((at, WaitEnd::TimedOut)) => record.ended_at().is_none_or(|ended| ended + LATE < *at),
                Some((at, WaitEnd::Lost)) => {
                    if self.may_lose {
                        tally.told_lost_everysec += 1;
                    } else {
                        tally.lost += 1;
                        tally.note(format!("task {id}: a waiter was told that it is lost: {record:?}"));
                    }
                    self.is_late(wait.since, *at, tally)
                }
                Some((at, WaitEnd::Outcome(_))) => {
                    self.is_late(record.ended_at().unwrap_or(*at).max(wait.since), *at, tally)
                }
            };
            if hung {
                tally.hung += 1;
                tally.note(format!("task {id}: a waiter hung: {wait:?}, {record:?}"));
            }
        }
    }

    /// Whether a waiter got its outcome at `at` too late, which could have had it at `since`.
    fn is_late(&self, since: u64, at: u64, tally: &mut Tally) -> bool {
        let outages = self.fixture.hits.iter().filter(|hit| hit.target == FaultTarget::Server);
        let back = outages.map(|hit| hit.until).filter(|until| *until < at).max().unwrap_or(0);
        let late = at.saturating_sub(since.max(back));
        tally.latest_wait_ms = tally.latest_wait_ms.max(late);
        late > LATE
    }

    fn starts(&self, id: TaskId, story: &TaskStory, record: &RecordStory, tally: &mut Tally) {
        let Some(kind) = record.kind.or(story.kind) else { return };
        tally.executions += story.starts.len();
        let (Some(first), Some(last)) = (story.starts.first(), story.starts.last()) else { return };
        if kind == TaskKind::Poison || story.starts.len() <= kind.starts() {
            return;
        }
        tally.executed_twice += story.starts.len() - kind.starts();
        let explained = self.fixture.hits.iter().any(|hit| {
            let strikes = match hit.target {
                FaultTarget::Worker { pid, .. } => story.starts.iter().any(|start| start.pid == pid),
                FaultTarget::Submitter(_) => false,
                FaultTarget::Server => true,
            };
            strikes && hit.at <= last.at && hit.until + AFTERMATH >= first.at
        });
        if !explained {
            tally.unexplained_twice += 1;
            tally
                .note(format!("task {id} ({kind:?}) was executed again without a fault: {:?}", story.starts));
        }
    }

    fn hit(&self, hit: &Hit, tally: &mut Tally) {
        let struck = self.struck(hit);
        let landed = match hit.fault {
            // It may end a process before that has noted a start.
            Fault::CrashPoint => self.struck(&Hit { target: FaultTarget::Server, ..hit.clone() }),
            _ => struck,
        };
        let count = tally.faults.entry(hit.fault).or_default();
        count.struck += 1;
        count.landed += usize::from(landed > 0);
        if hit.fault == Fault::ServerPause {
            tally.running_at_pauses.push(self.running_at(hit.at));
        }
        tally.in_flight_at_faults += struck;
        if let FaultTarget::Worker { pid, dead: true } = hit.target {
            self.take_over(pid, hit.at, tally);
        }
    }

    /// How many tasks of one submitter had been accepted, and not yet claimed, at that time.
    fn waiting_at(&self, submitter: u32, at: u64) -> usize {
        let stories = self.fixture.chronicle.tasks.iter();
        let own = stories.filter(|(_, story)| story.submitter == Some(submitter));
        let records = self.fixture.ledger.records();
        let waited = |id: &TaskId| {
            records.get(id).is_some_and(|record| record.claims.iter().all(|claim| *claim >= at))
        };
        own.filter(|(id, story)| waited(id) && story.kind != Some(TaskKind::Poison)).count()
    }

    /// How many tasks had been started, and not ended, at that time.
    fn running_at(&self, at: u64) -> usize {
        let records = self.fixture.ledger.records();
        let ran = |(id, story): &(&TaskId, &TaskStory)| {
            let ended = records.get(id).and_then(RecordStory::ended_at);
            story.starts.iter().any(|start| start.at <= at) && ended.is_none_or(|ended| ended > at)
        };
        self.fixture.chronicle.tasks.iter().filter(ran).count()
    }

    /// How many tasks were in flight with the processes that it struck.
    fn struck(&self, hit: &Hit) -> usize {
        let records = self.fixture.ledger.records();
        let stories = self.fixture.chronicle.tasks.iter();
        let is_struck = |id: &TaskId, story: &TaskStory| {
            let ended = records.get(id).and_then(RecordStory::ended_at);
            let is_open = ended.is_none_or(|ended| ended >= hit.at);
            let started = |pid: Option<u32>| {
                let mut starts = story.starts.iter();
                starts.any(|start| start.at <= hit.until && pid.is_none_or(|pid| start.pid == pid))
            };
            match hit.target {
                FaultTarget::Worker { pid, .. } => is_open && started(Some(pid)),
                FaultTarget::Server => is_open && started(None),
                FaultTarget::Submitter(pid) => {
                    let mut waits = story.waits.iter().filter(|wait| wait.pid == pid);
                    waits.any(|wait| wait.since <= hit.at && wait.end.is_none())
                }
            }
        };
        stories.filter(|(id, story)| is_struck(id, story)).count()
    }

    /// How long it took from a worker's death until each of its tasks ran elsewhere.
    fn take_over(&self, dead: u32, at: u64, tally: &mut Tally) {
        let disturbed =
            |hit: &Hit| hit.target == FaultTarget::Server && hit.at <= at + AFTERMATH && hit.until >= at;
        if self.fixture.hits.iter().any(disturbed) {
            return;
        }
        let records = self.fixture.ledger.records();
        let mut again = Vec::new();
        for (id, story) in &self.fixture.chronicle.tasks {
            // These start again without a fault, or never.
            if matches!(story.kind, Some(TaskKind::Retry | TaskKind::Cancelled | TaskKind::Child)) {
                continue;
            }
            let record = records.get(id);
            let ended = record.and_then(RecordStory::ended_at);
            let before = story.starts.iter().rfind(|start| start.at <= at);
            if before.is_none_or(|start| start.pid != dead) || ended.is_some_and(|ended| ended <= at) {
                continue;
            }
            let claims = record.map(|record| record.claims.as_slice()).unwrap_or_default();
            let starts = story.starts.iter().map(|start| start.at);
            match starts.chain(claims.iter().copied()).filter(|next| *next > at).min() {
                Some(next) => again.push((next - at, id)),
                // Its finish was under way, or it was blamed too often. Any other task is lost.
                None if ended.is_some() => {}
                None => {
                    tally.note(format!("task {id} of worker {dead} never ran again: {story:?} {record:?}"));
                }
            }
        }
        again.sort_unstable();
        if let (Some((first, _)), Some((last, id))) = (again.first(), again.last()) {
            tally.take_overs += 1;
            tally.longest_notice_ms = tally.longest_notice_ms.max(*first);
            tally.longest_take_over_ms = tally.longest_take_over_ms.max(*last);
            if *last >= Tally::LONGEST_TAKE_OVER_MS {
                tally.note(format!(
                    "of {} tasks of worker {dead} the first ran elsewhere {first} ms after its death at {at}, \
                     and the last, {id}, after {last} ms: {:?}",
                    again.len(),
                    self.fixture.chronicle.tasks[*id]
                ));
            }
        }
    }

    fn is_killed(&self, pid: u32) -> bool {
        self.fixture.hits.iter().any(|hit| hit.target == FaultTarget::Submitter(pid))
    }
}
