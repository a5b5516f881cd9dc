use std::collections::HashMap;
use std::sync::Arc;

use super::call_figures::CallFigures;
use super::method_counters::{MethodCounters, RunEnd};
use super::method_metrics::MethodMetrics;
use crate::worker::{Ran, Stop, StopToken};
use crate::{InstanceReport, MethodName, Outcome, Payload, Tick, WorkerId};

/// Counts the calls of one lane, on its thread.
#[derive(Debug)]
pub(in crate::worker) struct LaneFigures {
    all: Arc<CallFigures>,
    lane: usize,
    worker_id: WorkerId,
    /// Where in `entries` a method is.
    by_name: HashMap<MethodName, usize>,
    /// The first one is that of all methods without one.
    entries: Vec<(Arc<MethodCounters>, MethodMetrics)>,
}

/// A call that is being counted.
#[derive(Debug, Clone, Copy)]
pub(in crate::worker) struct CallMark {
    entry: usize,
    began: Tick,
}

impl LaneFigures {
    pub(in crate::worker) fn new(all: Arc<CallFigures>, lane: usize, worker_id: WorkerId) -> Self {
        let entries = vec![(all.add_other(lane), MethodMetrics::new(&worker_id, InstanceReport::OTHER))];
        Self { all, lane, worker_id, by_name: HashMap::new(), entries }
    }

    /// Notes that a task begins; nothing if it is not a call.
    pub(in crate::worker) fn begin(
        &mut self,
        payload: &Payload,
        now: impl FnOnce() -> Tick,
    ) -> Option<CallMark> {
        let method = payload.method()?;
        let entry = self.by_name.get(method).copied().unwrap_or_else(|| self.add(method));
        self.entries[entry].0.begin();
        Some(CallMark { entry, began: now() })
    }

    /// Notes that it has ended.
    pub(in crate::worker) fn end(&self, mark: CallMark, ran: &Ran, stop: &StopToken, now: Tick) {
        let end = match ran {
            Ran::Finished(Outcome::Completed(_), _) => RunEnd::Completed,
            Ran::Finished(Outcome::Error(_), _) => RunEnd::Error,
            Ran::Finished(Outcome::Cancelled(_), _) => RunEnd::Cancelled,
            Ran::Stopped(_) => match stop.get() {
                Some(Stop::Cancelled(_)) => RunEnd::Cancelled,
                Some(Stop::Lost | Stop::Drained) | None => RunEnd::Undone,
            },
        };
        let (counters, metrics) = &self.entries[mark.entry];
        counters.end(end, mark.began, now);
        metrics.end(end, now - mark.began);
    }

    /// The entry of a method that is called for the first time; the common one if the method is unknown, or the table full.
    fn add(&mut self, method: &MethodName) -> usize {
        if self.entries.len() > self.all.max_figures() || !self.all.has(method) {
            return 0;
        }
        let metrics = MethodMetrics::new(&self.worker_id, method.as_str());
        self.entries.push((self.all.add(self.lane, method.as_str()), metrics));
        let entry = self.entries.len() - 1;
        self.by_name.insert(method.clone(), entry);
        entry
    }
}
