use rhai_dispatcher_core::TaskEvent;

/// What a subscriber has been told, so that it is told nothing twice after the next connection has begun anew.
///
/// The gateway tells the lines of a run in their order, and counts those that are lost: what was told of a run is a number
/// of lines. A run that its worker released and that begins again with the same delivery without a connection
/// can't be told from the run before it; its first lines then count as told.
#[derive(Debug, Default)]
pub(super) struct Resumption {
    /// The run that was told of last.
    delivery: u32,
    /// Its lines that were told or counted as lost.
    told: u32,
    /// How many of these the present connection has yet to repeat.
    repeated: u32,
    /// Whether the connection has told nothing yet.
    is_resumed: bool,
    /// The progress that was told last.
    progress: Option<(u32, f64, String)>,
}

impl Resumption {
    /// A new connection tells everything from the beginning.
    pub(super) fn resume(&mut self) {
        self.is_resumed = true;
    }

    /// The event as far as it is new.
    pub(super) fn filter(&mut self, event: TaskEvent) -> Option<TaskEvent> {
        match event {
            TaskEvent::Started { delivery } => {
                let is_same = std::mem::take(&mut self.is_resumed) && delivery == self.delivery;
                if is_same {
                    self.repeated = self.told;
                    return None;
                }
                (self.delivery, self.told, self.repeated) = (delivery, 0, 0);
                Some(event)
            }
            TaskEvent::Line { .. } if self.repeated > 0 => {
                self.repeated -= 1;
                None
            }
            TaskEvent::Line { .. } => {
                self.told = self.told.saturating_add(1);
                Some(event)
            }
            TaskEvent::Lost { delivery, lines } => {
                let lines_known = lines.min(self.repeated);
                self.repeated -= lines_known;
                let lines = lines - lines_known;
                self.told = self.told.saturating_add(lines);
                (lines > 0).then_some(TaskEvent::Lost { delivery, lines })
            }
            TaskEvent::Progress { delivery, fraction, ref text } => {
                let is_known = self.progress.as_ref().is_some_and(|known| {
                    (known.0, &known.2) == (delivery, text) && known.1.total_cmp(&fraction).is_eq()
                });
                if is_known {
                    return None;
                }
                self.progress = Some((delivery, fraction, text.clone()));
                Some(event)
            }
            event => Some(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use rhai_dispatcher_core::LogLevel;

    use super::*;

    fn line(text: &str) -> TaskEvent {
        TaskEvent::Line { delivery: 1, level: LogLevel::Print, text: text.to_owned() }
    }

    fn told(resumption: &mut Resumption, events: Vec<TaskEvent>) -> Vec<String> {
        let new = events.into_iter().filter_map(|event| resumption.filter(event));
        let shown = new.map(|event| match event {
            TaskEvent::Started { delivery } => format!("started {delivery}"),
            TaskEvent::Line { text, .. } => text,
            TaskEvent::Progress { fraction, .. } => format!("{fraction}"),
            TaskEvent::Lost { lines, .. } => format!("{lines} lost"),
            _ => "ended".to_owned(),
        });
        shown.collect()
    }

    #[test]
    fn next_connection_tells_only_what_is_new() {
        let mut resumption = Resumption::default();
        let started = TaskEvent::Started { delivery: 1 };
        let progress = TaskEvent::Progress { delivery: 1, fraction: 0.5, text: String::new() };
        let first = vec![started.clone(), line("a"), line("b"), progress.clone(), line("c")];
        assert_eq!(told(&mut resumption, first), ["started 1", "a", "b", "0.5", "c"]);

        resumption.resume();
        let lost = |lines| TaskEvent::Lost { delivery: 1, lines };
        // It keeps the last lines only: two are lost of those that were told.
        let second = vec![started.clone(), lost(2), line("c"), progress, line("d")];
        assert_eq!(told(&mut resumption, second), ["d"]);

        resumption.resume();
        // Of seven that are lost, four were told.
        assert_eq!(told(&mut resumption, vec![started, lost(7), line("h")]), ["3 lost", "h"]);

        resumption.resume();
        let later = vec![TaskEvent::Started { delivery: 2 }, line("a")];
        assert_eq!(told(&mut resumption, later), ["started 2", "a"]);
        assert_eq!(
            told(&mut resumption, vec![TaskEvent::Started { delivery: 2 }, line("a")]),
            ["started 2", "a"]
        );
    }
}
