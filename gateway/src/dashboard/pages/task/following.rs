use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use futures::StreamExt;
use rhai_dispatcher::task::{LogLevel, LogLine, TaskEvent};
use rhai_dispatcher::transport::BoxStream;
use rhai_dispatcher::{RhaiDispatcher, RhaiDispatcherError, TaskId};
use tokio::time::{Instant, sleep_until, timeout_at};

/// What a task tells while its page is looked at.
pub(super) struct Following {
    /// None after its end.
    events: Option<BoxStream<'static, Result<TaskEvent, RhaiDispatcherError>>>,
    /// The last lines that it has printed, the oldest first.
    lines: VecDeque<LogLine>,
    /// How many lines before these are not shown.
    left_out: u64,
    progress: Option<(f64, String)>,
}

impl Following {
    /// How many lines are kept, and how many bytes of each. A page shows less of a line.
    const MAX_LINES: usize = 200;
    const MAX_LINE_BYTES: usize = 4 * 1024;
    /// How long events are gathered before they are shown.
    const GATHER: Duration = Duration::from_millis(200);

    pub(super) fn new(dispatcher: &RhaiDispatcher, id: TaskId) -> Self {
        let events = Some(dispatcher.events(id).boxed());
        Self { events, lines: VecDeque::new(), left_out: 0, progress: None }
    }

    /// Waits for events, at most `period`.
    pub(super) async fn next(&mut self, period: Duration) {
        let begun = Instant::now();
        if !self.take(begun + period).await {
            return;
        }
        let until = Instant::now() + Self::GATHER;
        while self.take(until).await {}
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &LogLine> {
        self.lines.iter()
    }

    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    pub(super) fn progress(&self) -> Option<&(f64, String)> {
        self.progress.as_ref()
    }

    /// Takes one event. Whether there was one until then, and more may follow.
    async fn take(&mut self, until: Instant) -> bool {
        let Some(events) = &mut self.events else {
            sleep_until(until).await;
            return false;
        };
        let Ok(event) = timeout_at(until, events.next()).await else { return false };
        match event {
            Some(Ok(TaskEvent::Started { .. })) => {
                self.lines.clear();
                (self.left_out, self.progress) = (0, None);
            }
            Some(Ok(TaskEvent::Line { level, text, .. })) => self.add(level, text),
            Some(Ok(TaskEvent::Progress { fraction, text, .. })) => self.progress = Some((fraction, text)),
            Some(Ok(TaskEvent::Lost { lines, .. })) => self.left_out += u64::from(lines),
            // The record says how it ended, and an error of the stream shows when it is read.
            Some(Ok(TaskEvent::Ended(_)) | Err(_)) | None => {
                self.events = None;
                return false;
            }
            Some(Ok(_)) => {}
        }
        true
    }

    fn add(&mut self, level: LogLevel, mut text: String) {
        if text.len() > Self::MAX_LINE_BYTES {
            text.truncate(text.floor_char_boundary(Self::MAX_LINE_BYTES));
            text.shrink_to_fit();
        }
        self.lines.push_back(LogLine { level, text });
        if self.lines.len() > Self::MAX_LINES {
            self.lines.pop_front();
            self.left_out += 1;
        }
    }
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").field("lines", &self.lines.len()).finish_non_exhaustive()
    }
}
