use std::sync::Arc;

use futures::StreamExt;
use futures::channel::mpsc::{self, UnboundedReceiver};
use rhai_dispatcher::EngineConfig;
use rhai_dispatcher::task::Payload;

/// The lines that the scripts of this process print, available as soon as they are printed.
///
/// Its size is at most that of the scripts' logs; `max_log_bytes` bounds each log.
#[derive(Debug)]
pub(crate) struct LiveLog {
    lines: UnboundedReceiver<LiveLine>,
}

/// The text of one call of `print` or `debug`.
#[derive(Debug)]
pub(crate) struct LiveLine {
    /// The script's name in messages.
    pub(crate) name: Arc<str>,
    pub(crate) text: String,
}

impl LiveLog {
    /// Adds a listener to an engine's configuration. It ignores lines of tasks that scripts dispatch.
    pub(crate) fn listen(engine: EngineConfig) -> (EngineConfig, Self) {
        let (sender, lines) = mpsc::unbounded();
        let engine = engine.with_log_listener(move |task, _, text| {
            if let (Payload::Script { name: Some(name), .. }, None) = (&task.payload, task.parent) {
                // The send fails after the command has ended; the line is then not needed.
                let _ = sender.unbounded_send(LiveLine { name: Arc::clone(name), text: text.to_owned() });
            }
        });
        (engine, Self { lines })
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
