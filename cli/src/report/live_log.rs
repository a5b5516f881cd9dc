use std::pin::pin;
use std::sync::Arc;

use futures::channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures::{Stream, StreamExt};
use rhai_dispatcher::EngineConfig;
use rhai_dispatcher::task::{LogLevel, Payload, TaskEvent};

/// What scripts tell while they run, available as soon as they tell it.
///
/// Its size is at most that of the scripts' logs; `max_log_bytes` bounds each log. Progress of a task on a worker comes
/// at most about 20 times a second.
#[derive(Debug)]
pub(crate) struct LiveLog {
    lines: UnboundedReceiver<LiveLine>,
}

/// Where the events of tasks go.
#[derive(Debug, Clone)]
pub(crate) struct LiveSender {
    sender: UnboundedSender<LiveLine>,
    /// Whether lines are taken from the events; else they come from a listener of the engine.
    takes_lines: bool,
}

/// What one script told.
#[derive(Debug)]
pub(crate) struct LiveLine {
    /// The script's name in messages.
    pub(crate) name: Arc<str>,
    pub(crate) told: Told,
}

/// What a script told.
#[derive(Debug)]
pub(crate) enum Told {
    /// The text of one call of `print`, `debug` or `log`.
    Line(LogLevel, String),
    /// How far it is, from 0 to 1, and what it does.
    Progress(f64, String),
    /// It was started again, with this delivery.
    Again(u32),
    /// So many lines were lost.
    Lost(u32),
}

impl LiveLog {
    /// Adds a listener to an engine's configuration. It ignores lines of tasks that scripts dispatch.
    pub(crate) fn listen(engine: EngineConfig) -> (EngineConfig, LiveSender, Self) {
        let (sender, lines) = mpsc::unbounded();
        let listening = sender.clone();
        let engine = engine.with_log_listener(move |task, level, text| {
            if let (Payload::Script { name: Some(name), .. }, None) = (&task.payload, task.parent) {
                let told = Told::Line(level, text.to_owned());
                // The send fails after the command has ended; the line is then not needed.
                let _ = listening.unbounded_send(LiveLine { name: Arc::clone(name), told });
            }
        });
        (engine, LiveSender { sender, takes_lines: false }, Self { lines })
    }

    /// For the events of tasks on workers.
    pub(crate) fn of_events() -> (LiveSender, Self) {
        let (sender, lines) = mpsc::unbounded();
        (LiveSender { sender, takes_lines: true }, Self { lines })
    }

    /// The next line.
    pub(crate) async fn next(&mut self) -> Option<LiveLine> {
        self.lines.next().await
    }

    /// The next line, if it is available.
    pub(crate) fn ready(&mut self) -> Option<LiveLine> {
        self.lines.try_recv().ok()
    }
}

impl LiveSender {
    /// Passes on the events of a task, until its end or the first error, which the wait for the task has too.
    pub(crate) async fn follow<E>(self, name: Arc<str>, events: impl Stream<Item = Result<TaskEvent, E>>) {
        let mut events = pin!(events);
        while let Some(Ok(event)) = events.next().await {
            if let Some(told) = Told::of_event(event)
                && (self.takes_lines || matches!(told, Told::Progress(..)))
            {
                let _ = self.sender.unbounded_send(LiveLine { name: Arc::clone(&name), told }); // see above
            }
        }
    }
}

impl Told {
    /// What is shown of an event, beside the end.
    pub(crate) fn of_event(event: TaskEvent) -> Option<Self> {
        match event {
            TaskEvent::Line { level, text, .. } => Some(Self::Line(level, text)),
            TaskEvent::Progress { fraction, text, .. } => Some(Self::Progress(fraction, text)),
            TaskEvent::Started { delivery } if delivery > 1 => Some(Self::Again(delivery)),
            TaskEvent::Lost { lines, .. } => Some(Self::Lost(lines)),
            _ => None,
        }
    }
}
