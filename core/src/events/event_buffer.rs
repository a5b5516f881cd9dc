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

/// Events of one task, oldest first. When it is full the oldest go.
#[derive(Debug)]
pub struct EventBuffer {
    limits: EventLimits,
    events: VecDeque<(RunId, RunEvent)>,
    bytes: usize,
}

impl EventBuffer {
    /// An empty one.
    #[must_use]
    pub const fn new(limits: EventLimits) -> Self {
        Self { limits, events: VecDeque::new(), bytes: 0 }
    }

    /// Adds an event. Progress takes the place of progress just before it. The newest event is always kept.
    pub fn push(&mut self, run: RunId, event: RunEvent) {
        if let (RunEvent::Progress { .. }, Some((last_run, RunEvent::Progress { .. }))) =
            (&event, self.events.back())
            && *last_run == run
            && let Some((_, last)) = self.events.pop_back()
        {
            self.bytes -= last.bytes();
        }
        self.bytes += event.bytes();
        self.events.push_back((run, event));
        while self.events.len() > self.limits.events.max(1) || self.bytes > self.limits.bytes {
            if self.events.len() == 1 {
                break;
            }
            self.pop();
        }
    }

    /// Takes the oldest event.
    pub fn pop(&mut self) -> Option<(RunId, RunEvent)> {
        let oldest = self.events.pop_front()?;
        self.bytes -= oldest.1.bytes();
        Some(oldest)
    }

    /// The events, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &(RunId, RunEvent)> {
        self.events.iter()
    }

    /// About how many bytes its events take.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InstanceId, LogLevel, LogLine};

    fn line(number: u32, text: &str) -> RunEvent {
        RunEvent::Line { number, line: LogLine { level: LogLevel::Print, text: text.into() } }
    }

    fn progress(fraction: f64) -> RunEvent {
        RunEvent::Progress { fraction, text: String::new() }
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
}
