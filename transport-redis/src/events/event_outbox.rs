use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use rhai_dispatcher_core::{Claim, EventBuffer, EventLimits, RunEvent, RunId, TaskId, lock};
use tokio::sync::Notify;

/// What the runs of one instance have told and the server has not been sent yet. It is bounded: the oldest events of a
/// run go, and the subscriber counts them.
#[derive(Debug)]
pub(crate) struct EventOutbox {
    pub(super) limits: EventLimits,
    state: Mutex<State>,
    /// Says that there is something to send, or that the instance has ended.
    pub(super) changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    unsent: HashMap<Claim, EventBuffer>,
    /// About how many bytes all of them take.
    bytes: usize,
    /// The runs for which the server has a stream.
    sent: HashMap<Claim, Sent>,
    /// Tasks that have ended, and whose streams may expire soon.
    ended: HashSet<TaskId>,
    is_closed: bool,
}

/// What the server has of a run.
#[derive(Debug, Default)]
struct Sent {
    /// How many bytes were sent since the stream was empty.
    bytes: usize,
    /// The latest progress, and how many events were sent after it.
    progress: Option<(RunEvent, usize)>,
}

/// What is to be sent at once.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    pub(super) runs: Vec<UnsentRun>,
    /// Tasks whose streams may expire soon.
    pub(super) ended: Vec<TaskId>,
}

/// The events of one run.
#[derive(Debug)]
pub(super) struct UnsentRun {
    pub(super) claim: Claim,
    pub(super) events: EventBuffer,
    /// Whether the stream is to be emptied first, since it would have too many bytes.
    pub(super) is_emptied: bool,
}

impl EventOutbox {
    /// How many bytes of all runs of an instance wait at most, about. A run that would go beyond loses what waits of it,
    /// and the event too if that is not enough.
    const MAX_BYTES: usize = 8 << 20;

    pub(crate) fn new(limits: EventLimits) -> Self {
        Self { limits, state: Mutex::default(), changed: Notify::new() }
    }

    /// Takes an event of a run.
    pub(crate) fn push(&self, claim: &Claim, event: RunEvent) {
        let mut state = lock(&self.state);
        if state.is_closed {
            return;
        }
        let State { unsent, bytes, .. } = &mut *state;
        let events = unsent.entry(*claim).or_insert_with(|| EventBuffer::new(self.limits));
        *bytes -= events.bytes();
        if *bytes + events.bytes() + event.bytes() > Self::MAX_BYTES {
            *events = EventBuffer::new(self.limits);
        }
        if *bytes + event.bytes() <= Self::MAX_BYTES {
            events.push(claim.run(), event);
            *bytes += events.bytes();
        }
        drop(state);
        self.changed.notify_one();
    }

    /// A run has ended. With its `outcome` the lines that were not sent are in the log; else they are still sent.
    pub(crate) fn end(&self, claim: &Claim, is_outcome: bool) {
        let mut state = lock(&self.state);
        let was_sent = state.sent.remove(claim).is_some();
        if !is_outcome {
            return;
        }
        if let Some(events) = state.unsent.remove(claim) {
            state.bytes -= events.bytes();
        }
        if was_sent {
            state.ended.insert(claim.task);
            drop(state);
            self.changed.notify_one();
        }
    }

    /// The claim of a run is lost: what it tells is not sent.
    pub(crate) fn forget(&self, claim: &Claim) {
        let mut state = lock(&self.state);
        state.sent.remove(claim);
        if let Some(events) = state.unsent.remove(claim) {
            state.bytes -= events.bytes();
        }
    }

    /// The instance has ended; nothing more is sent.
    pub(crate) fn close(&self) {
        *lock(&self.state) = State { is_closed: true, ..State::default() };
        self.changed.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        lock(&self.state).is_closed
    }

    /// Takes all that is to be sent.
    pub(super) fn take(&self) -> Unsent {
        let mut state = lock(&self.state);
        let unsent = std::mem::take(&mut state.unsent);
        state.bytes = 0;
        let mut runs = Vec::with_capacity(unsent.len());
        for (claim, mut events) in unsent {
            let sent = state.sent.entry(claim).or_default();
            let is_emptied = sent.bytes > 0 && sent.bytes + events.bytes() > self.limits.bytes;
            sent.keep_progress(claim.run(), &mut events, self.limits.events, is_emptied);
            sent.bytes = events.bytes() + if is_emptied { 0 } else { sent.bytes };
            runs.push(UnsentRun { claim, events, is_emptied });
        }
        Unsent { runs, ended: state.ended.drain().collect() }
    }
}

impl Sent {
    /// Notes the latest progress of `events`, which are sent next. If the stream would not have the latest any more, it is
    /// sent again behind them: subscribers that come later want it, and others know it by its number.
    fn keep_progress(&mut self, run: RunId, events: &mut EventBuffer, max: usize, is_emptied: bool) {
        let new = events.latest_progress().map(|(progress, behind)| (progress.clone(), behind));
        let is_new = new.is_some();
        let earlier = self.progress.take().map(|(progress, behind)| (progress, behind + events.len()));
        let Some((progress, behind)) = new.or(earlier) else { return };
        let is_lost = behind >= max || (is_emptied && !is_new);
        if is_lost {
            events.push(run, progress.clone());
        }
        self.progress = Some((progress, if is_lost { 0 } else { behind }));
    }
}

#[cfg(test)]
mod tests {
    use rhai_dispatcher_core::{InstanceId, LogLevel, LogLine};

    use super::*;

    const LIMITS: EventLimits = EventLimits { events: 100, bytes: 1_000 };

    fn claim() -> Claim {
        Claim { task: TaskId::new(), instance: InstanceId::new(), delivery: 1 }
    }

    fn line(bytes: usize) -> RunEvent {
        let line = LogLine { level: LogLevel::Print, text: "x".repeat(bytes) };
        RunEvent::Line { number: 0, line }
    }

    #[test]
    fn run_with_an_outcome_sends_nothing_more_and_its_stream_expires() {
        let (outbox, claim) = (EventOutbox::new(LIMITS), claim());
        outbox.push(&claim, line(1));
        outbox.end(&claim, true);
        let unsent = outbox.take();
        assert!(unsent.runs.is_empty() && unsent.ended.is_empty(), "nothing was sent before: {unsent:?}");

        outbox.push(&claim, line(1));
        assert_eq!(outbox.take().runs.len(), 1);
        outbox.end(&claim, true);
        assert_eq!(outbox.take().ended, [claim.task]);
    }

    #[test]
    fn run_that_is_retried_sends_its_last_lines() {
        let (outbox, claim) = (EventOutbox::new(LIMITS), claim());
        outbox.push(&claim, line(1));
        outbox.end(&claim, false);
        assert_eq!(outbox.take().runs.len(), 1);
    }

    #[test]
    fn stream_is_emptied_before_it_has_too_many_bytes() {
        let (outbox, claim) = (EventOutbox::new(LIMITS), claim());
        let emptied: Vec<_> = (0..6)
            .map(|_| {
                outbox.push(&claim, line(400));
                outbox.take().runs[0].is_emptied
            })
            .collect();
        assert_eq!(emptied, [false, false, true, false, true, false]);
    }

    #[test]
    fn progress_is_sent_again_before_its_stream_loses_it() {
        let limits = EventLimits { events: 10, bytes: 100_000 };
        let (outbox, claim) = (EventOutbox::new(limits), claim());
        let sent = || {
            let events = &outbox.take().runs[0].events;
            events.iter().map(|(_, event)| matches!(event, RunEvent::Progress { .. })).collect::<Vec<_>>()
        };
        outbox.push(&claim, RunEvent::Progress { number: 0, fraction: 0.5, text: String::new() });
        assert_eq!(sent(), [true]);
        let lines = |count| (0..count).for_each(|_| outbox.push(&claim, line(1)));
        lines(9);
        assert_eq!(sent(), [false; 9], "the stream has it");
        lines(1);
        assert_eq!(sent(), [false, true], "it would be the eleventh");
        lines(30);
        let many = sent();
        assert_eq!((many.len(), many.last()), (10, Some(&true)));
        lines(1);
        assert_eq!(sent(), [false]);
    }

    #[test]
    fn progress_is_sent_again_when_its_stream_is_emptied() {
        let (outbox, claim) = (EventOutbox::new(LIMITS), claim());
        outbox.push(&claim, RunEvent::Progress { number: 0, fraction: 0.5, text: String::new() });
        let mut emptied = false;
        while !emptied {
            outbox.push(&claim, line(400));
            let run = outbox.take().runs.remove(0);
            emptied = run.is_emptied;
            assert_eq!(run.events.latest_progress().is_some(), emptied || run.events.len() == 2);
        }
    }

    #[test]
    fn all_runs_together_are_bounded() {
        let limits = EventLimits { events: 100, bytes: usize::MAX };
        let outbox = EventOutbox::new(limits);
        for _ in 0..20 {
            outbox.push(&claim(), line(1 << 20));
        }
        let bytes = || lock(&outbox.state).bytes;
        assert!(bytes() > 6 << 20 && bytes() <= EventOutbox::MAX_BYTES, "{}", bytes());
        outbox.take();
        let claim = claim();
        for _ in 0..20 {
            outbox.push(&claim, line(1 << 20));
        }
        assert!(bytes() > 0 && bytes() <= EventOutbox::MAX_BYTES, "{}", bytes());
    }

    #[test]
    fn closed_outbox_takes_nothing() {
        let outbox = EventOutbox::new(LIMITS);
        outbox.close();
        outbox.push(&claim(), line(1));
        assert!(outbox.take().runs.is_empty());
    }
}
