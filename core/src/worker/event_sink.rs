use std::fmt;
use std::sync::Arc;

use crate::{Claim, Consumer, LogLevel, LogLine, RunEvent};

/// Where a run tells what it does while it lasts. What it tells is for subscribers to the task: it never waits, and
/// may be lost.
///
/// The default drops everything.
#[derive(Clone, Default)]
pub struct EventSink(Option<(Arc<LaneConsumer>, Claim)>);

/// One for each lane, so that lanes do not contend for the count of its references.
pub(super) struct LaneConsumer(Arc<dyn Consumer>);

impl LaneConsumer {
    pub(super) fn new(consumer: Arc<dyn Consumer>) -> Arc<Self> {
        Arc::new(Self(consumer))
    }
}

impl EventSink {
    pub(super) fn new(consumer: &Arc<LaneConsumer>, claim: Claim) -> Self {
        Self(Some((Arc::clone(consumer), claim)))
    }

    /// A line was added to the run's log; `number` of the log's lines are before it.
    pub fn line(&self, number: usize, level: LogLevel, text: &str) {
        let Some((consumer, claim)) = &self.0 else { return };
        let Ok(number) = u32::try_from(number) else { return };
        let line = LogLine { level, text: text.to_owned() };
        consumer.0.publish(claim, RunEvent::Line { number, line });
    }

    /// The run has come so far: `fraction` is from 0 to 1. `number`: how many times it has told its progress before.
    pub fn progress(&self, number: u32, fraction: f64, text: &str) {
        let Some((consumer, claim)) = &self.0 else { return };
        consumer.0.publish(claim, RunEvent::Progress { number, fraction, text: text.to_owned() });
    }
}

impl fmt::Debug for EventSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventSink").field(&self.0.as_ref().map(|(_, claim)| claim)).finish()
    }
}
