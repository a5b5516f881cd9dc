use std::collections::VecDeque;

use super::{RunEvent, RunId};

/// How many events of one task are kept, at each place where they wait for a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventLimits {
    /// The number of events.
    pub events: usize,
    /// Their bytes, about.
    pub bytes: usize,
}

/// Events of one task, oldest first. When it is full the oldest go, but for the latest progress of the newest run: it is
/// kept beside the others until there is a newer one.
#[derive(Debug)]
pub struct EventBuffer {
    limits: EventLimits,
    /// The latest progress, once the events behind it have taken its place.
    progress: Option<(RunId, RunEvent)>,
    events: VecDeque<(RunId, RunEvent)>,
    /// How many of `events` are progress.
    progress_events: usize,
    bytes: usize,
}

impl EventBuffer {
    /// An empty one.
    #[must_use]
    pub const fn new(limits: EventLimits) -> Self {
        Self { limits, progress: None, events: VecDeque::new(), progress_events: 0, bytes: 0 }
    }

    /// Adds an event. Progress takes the place of progress just before it. The newest event is always kept.
    pub fn push(&mut self, run: RunId, event: RunEvent) {
        if let (RunEvent::Progress { .. }, Some((last_run, RunEvent::Progress { .. }))) =
            (&event, self.events.back())
            && *last_run == run
            && let Some((_, last)) = self.events.pop_back()
        {
            self.bytes -= last.bytes();
            self.progress_events -= 1;
        }
        let is_progress = is_progress(&event);
        if is_progress || self.progress.as_ref().is_some_and(|(of, _)| *of != run) {
            self.forget_progress();
        }
        self.bytes += event.bytes();
        self.progress_events += usize::from(is_progress);
        self.events.push_back((run, event));
        while self.events.len() > self.limits.events.max(1) || self.bytes > self.limits.bytes {
            if self.events.len() == 1 {
                break;
            }
            let Some(oldest) = self.pop_event() else { break };
            if is_progress_of(run, &oldest) && self.progress_events == 0 {
                self.bytes += oldest.1.bytes();
                self.progress = Some(oldest);
            }
        }
    }

    /// Takes the oldest event.
    pub fn pop(&mut self) -> Option<(RunId, RunEvent)> {
        if let Some(progress) = self.progress.take() {
            self.bytes -= progress.1.bytes();
            return Some(progress);
        }
        self.pop_event()
    }

    /// The events, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &(RunId, RunEvent)> {
        self.progress.iter().chain(&self.events)
    }

    /// The latest progress that it holds, and how many events are behind that.
    #[must_use]
    pub fn latest_progress(&self) -> Option<(&RunEvent, usize)> {
        let newest_first = self.events.iter().rev().chain(&self.progress).enumerate();
        let is_progress = |(_, (_, event)): &(usize, &(RunId, RunEvent))| is_progress(event);
        newest_first.into_iter().find(is_progress).map(|(behind, (_, event))| (event, behind))
    }

    /// How many events it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.progress.is_some()) + self.events.len()
    }

    /// About how many bytes its events take.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn pop_event(&mut self) -> Option<(RunId, RunEvent)> {
        let oldest = self.events.pop_front()?;
        self.bytes -= oldest.1.bytes();
        self.progress_events -= usize::from(is_progress(&oldest.1));
        Some(oldest)
    }

    fn forget_progress(&mut self) {
        if let Some((_, progress)) = self.progress.take() {
            self.bytes -= progress.bytes();
        }
    }
}

fn is_progress(event: &RunEvent) -> bool {
    matches!(event, RunEvent::Progress { .. })
}

fn is_progress_of(run: RunId, (of, event): &(RunId, RunEvent)) -> bool {
    *of == run && is_progress(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InstanceId, LogLevel, LogLine};

    fn line(number: u32, text: &str) -> RunEvent {
        RunEvent::Line { number, line: LogLine { level: LogLevel::Print, text: text.into() } }
    }

    fn progress(fraction: f64) -> RunEvent {
        RunEvent::Progress { number: 0, fraction, text: String::new() }
    }

    fn kept(limits: EventLimits, events: impl IntoIterator<Item = RunEvent>) -> (Vec<RunEvent>, usize) {
        let run = RunId { instance: InstanceId::new(), delivery: 1 };
        let mut buffer = EventBuffer::new(limits);
        events.into_iter().for_each(|event| buffer.push(run, event));
        let bytes = buffer.bytes();
        (buffer.iter().map(|(_, event)| event.clone()).collect(), bytes)
    }

    #[test]
    fn oldest_events_go_when_there_are_too_many_or_too_large_ones() {
        let limits = EventLimits { events: 2, bytes: 10_000 };
        assert_eq!(kept(limits, (0..5).map(|n| line(n, "x"))).0, [line(3, "x"), line(4, "x")]);
        let limits = EventLimits { events: 10, bytes: 250 };
        let text = "x".repeat(100);
        assert_eq!(kept(limits, (0..3).map(|n| line(n, &text))).0, [line(2, &text)]);
        let long = "x".repeat(1_000);
        assert_eq!(kept(limits, [line(0, "x"), line(1, &long)]).0, [line(1, &long)], "the newest stays");
    }

    #[test]
    fn progress_replaces_progress_just_before_it() {
        let limits = EventLimits { events: 10, bytes: 10_000 };
        let (events, bytes) =
            kept(limits, [progress(0.1), progress(0.2), line(0, "x"), progress(0.3), progress(0.4)]);
        assert_eq!(events, [progress(0.2), line(0, "x"), progress(0.4)]);
        assert_eq!(bytes, events.iter().map(RunEvent::bytes).sum::<usize>());
    }

    #[test]
    fn latest_progress_stays_until_there_is_newer_one() {
        let limits = EventLimits { events: 2, bytes: 10_000 };
        let (events, bytes) = kept(
            limits,
            [progress(0.1), line(0, "x"), progress(0.2)].into_iter().chain((1..9).map(|n| line(n, "x"))),
        );
        assert_eq!(events, [progress(0.2), line(7, "x"), line(8, "x")]);
        assert_eq!(bytes, events.iter().map(RunEvent::bytes).sum::<usize>());
        let lines = (0..9).map(|n| line(n, "x"));
        let (events, bytes) = kept(limits, [progress(0.1)].into_iter().chain(lines).chain([progress(0.3)]));
        assert_eq!(events, [line(8, "x"), progress(0.3)]);
        assert_eq!(bytes, events.iter().map(RunEvent::bytes).sum::<usize>());
    }

    #[test]
    fn progress_of_an_earlier_run_goes() {
        let run = |delivery| RunId { instance: InstanceId::new(), delivery };
        let (first, second) = (run(1), run(2));
        let mut buffer = EventBuffer::new(EventLimits { events: 2, bytes: 10_000 });
        buffer.push(first, progress(0.5));
        for number in 0..3 {
            buffer.push(first, line(number, "x"));
        }
        assert_eq!(buffer.iter().next(), Some(&(first, progress(0.5))));
        for number in 0..3 {
            buffer.push(second, line(number, "x"));
        }
        let left: Vec<_> = std::iter::from_fn(|| buffer.pop()).collect();
        assert_eq!(left, [(second, line(1, "x")), (second, line(2, "x"))]);
        assert!(buffer.is_empty() && buffer.bytes() == 0);
    }
}
