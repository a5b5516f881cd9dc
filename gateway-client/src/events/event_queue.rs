use std::collections::VecDeque;

use rhai_dispatcher_core::TaskEvent;

use crate::error::ClientError;

/// The events that wait for the reader of a subscription. When it is full, the oldest are dropped and counted.
#[derive(Debug)]
pub(super) struct EventQueue {
    events: VecDeque<Result<TaskEvent, ClientError>>,
    max: usize,
    /// What was dropped since the reader took an event.
    dropped: Option<Dropped>,
}

#[derive(Debug)]
struct Dropped {
    delivery: u32,
    /// Whether the start of that run was dropped too.
    is_started: bool,
    lines: u32,
}

impl EventQueue {
    pub(super) const fn new(max: usize) -> Self {
        Self { events: VecDeque::new(), max, dropped: None }
    }

    pub(super) fn push(&mut self, event: Result<TaskEvent, ClientError>) {
        while self.events.len() >= self.max {
            self.drop_oldest();
        }
        self.events.push_back(event);
    }

    pub(super) fn pop(&mut self) -> Option<Result<TaskEvent, ClientError>> {
        if let Some(Dropped { delivery, is_started, lines }) = &mut self.dropped {
            let delivery = *delivery;
            if std::mem::take(is_started) {
                return Some(Ok(TaskEvent::Started { delivery }));
            }
            let lines = *lines;
            self.dropped = None;
            if lines > 0 {
                return Some(Ok(TaskEvent::Lost { delivery, lines }));
            }
        }
        self.events.pop_front()
    }

    fn drop_oldest(&mut self) {
        let (delivery, started, lines) = match self.events.pop_front() {
            Some(Ok(TaskEvent::Started { delivery })) => (delivery, true, 0),
            Some(Ok(TaskEvent::Line { delivery, .. })) => (delivery, false, 1),
            Some(Ok(TaskEvent::Lost { delivery, lines })) => (delivery, false, lines),
            // A later progress follows, or the end.
            _ => return,
        };
        // What was dropped of runs before is not told: a new run has begun.
        let dropped = self.dropped.take().filter(|dropped| dropped.delivery == delivery && !started);
        let dropped = dropped.unwrap_or(Dropped { delivery, is_started: started, lines: 0 });
        self.dropped = Some(Dropped { lines: dropped.lines.saturating_add(lines), ..dropped });
    }
}

#[cfg(test)]
mod tests {
    use rhai_dispatcher_core::LogLevel;

    use super::*;

    #[test]
    fn slow_reader_loses_the_oldest_and_is_told_how_many() {
        let mut queue = EventQueue::new(2);
        queue.push(Ok(TaskEvent::Started { delivery: 1 }));
        for text in ["a", "b", "c", "d"] {
            queue.push(Ok(TaskEvent::Line { delivery: 1, level: LogLevel::Print, text: text.to_owned() }));
        }
        let mut shown = Vec::new();
        while let Some(event) = queue.pop() {
            shown.push(match event.expect("no error") {
                TaskEvent::Started { .. } => "started".to_owned(),
                TaskEvent::Lost { lines, .. } => format!("{lines} lost"),
                TaskEvent::Line { text, .. } => text,
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(shown, ["started", "2 lost", "c", "d"]);
    }
}
