use std::sync::Arc;

use futures::StreamExt;
use futures::channel::mpsc::{self, UnboundedReceiver};
use rhai_dispatcher::EngineConfig;
use rhai_dispatcher::task::Payload;

/// What the scripts of this process print, line by line, as soon as they print it.
///
/// It holds no more than the logs of the scripts do, each of which is bounded by `max_log_bytes`.
#[derive(Debug)]
pub(crate) struct LiveLog {
    lines: UnboundedReceiver<LiveLine>,
}

/// What one call of `print` or `debug` has printed.
#[derive(Debug)]
pub(crate) struct LiveLine {
    /// What the script is called in messages.
    pub(crate) name: Arc<str>,
    pub(crate) text: String,
}

impl LiveLog {
    /// Adds a listener to an engine's configuration. What children print that scripts have dispatched is left out.
    pub(crate) fn listen(engine: EngineConfig) -> (EngineConfig, Self) {
        let (sender, lines) = mpsc::unbounded();
        let engine = engine.with_log_listener(move |task, _, text| {
            if let (Payload::Script { name: Some(name), .. }, None) = (&task.payload, task.parent) {
                // After the command has ended there is no reader.
                let _ = sender.unbounded_send(LiveLine { name: Arc::clone(name), text: text.to_owned() });
            }
        });
        (engine, Self { lines })
    }

    /// The next line.
    pub(crate) async fn next(&mut self) -> Option<LiveLine> {
        self.lines.next().await
    }

    /// The next line, if it is there.
    pub(crate) fn ready(&mut self) -> Option<LiveLine> {
        self.lines.try_recv().ok()
    }
}
