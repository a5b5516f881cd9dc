use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::MethodSource;
use super::method_counters::{MethodCounters, Seen};
use crate::{Added, Counters, InstanceReport, MethodName, Tick, lock};

/// The counters of all lanes of a worker.
#[derive(Debug)]
pub(in crate::worker) struct CallFigures {
    source: Arc<dyn MethodSource>,
    max_figures: usize,
    /// Of each lane, those of its methods. A lane takes its lock when it calls a method for the first time, and the
    /// monitor for a report.
    lanes: Vec<Mutex<Vec<Arc<MethodCounters>>>>,
}

/// What of the counters is in reports: for each lane, in the order of its entries.
pub(super) type AllSeen = Vec<Vec<Seen>>;

impl CallFigures {
    pub(in crate::worker) fn new(
        source: Arc<dyn MethodSource>,
        max_figures: usize,
        lanes: usize,
    ) -> Arc<Self> {
        let lanes = (0..lanes).map(|_| Mutex::default()).collect();
        Arc::new(Self { source, max_figures, lanes })
    }

    pub(super) const fn max_figures(&self) -> usize {
        self.max_figures
    }

    pub(super) fn has(&self, method: &MethodName) -> bool {
        self.source.has(method)
    }

    /// Adds the counters of a method for a lane.
    pub(super) fn add(&self, lane: usize, name: &str) -> Arc<MethodCounters> {
        let counters = Arc::new(MethodCounters::new(name.into()));
        lock(&self.lanes[lane]).push(Arc::clone(&counters));
        counters
    }

    pub(super) fn add_other(&self, lane: usize) -> Arc<MethodCounters> {
        self.add(lane, InstanceReport::OTHER)
    }

    /// How many calls of each method run.
    pub(super) fn in_flight(&self) -> BTreeMap<Arc<str>, u64> {
        let mut all = BTreeMap::new();
        for counters in self.lanes.iter().flat_map(|lane| lock(lane).clone()) {
            let count = counters.in_flight();
            if count > 0 {
                *all.entry(Arc::clone(&counters.name)).or_default() += count;
            }
        }
        all
    }

    /// Whether something was counted beyond `seen`, or runs now.
    pub(super) fn has_news(&self, seen: &AllSeen) -> bool {
        self.changed(seen, true) > 0
    }

    /// Whether something was counted beyond `seen`.
    pub(super) fn has_counted(&self, seen: &AllSeen) -> bool {
        self.changed(seen, false) > 0
    }

    /// How many counters have changed since `seen`.
    fn changed(&self, seen: &AllSeen, counts_in_flight: bool) -> usize {
        let mut count = 0;
        for (index, lane) in self.lanes.iter().enumerate() {
            for (entry, counters) in lock(lane).iter().enumerate() {
                let seen = seen.get(index).and_then(|lane| lane.get(entry)).map_or(0, |seen| seen.ended);
                let runs = counts_in_flight && counters.in_flight() > 0;
                count += usize::from(runs || counters.ended() != seen);
            }
        }
        count
    }

    /// What was counted beyond `seen`, of as many methods as fit into one report; `seen` has it from then on.
    pub(super) fn take_added(&self, seen: &mut AllSeen, now: Tick) -> Vec<Added> {
        let mut added: BTreeMap<Arc<str>, (Counters, Tick)> = BTreeMap::new();
        seen.resize_with(self.lanes.len(), Vec::new);
        for (lane, seen) in self.lanes.iter().zip(seen) {
            let lane = lock(lane).clone();
            seen.resize_with(lane.len(), Seen::default);
            for (counters, seen) in lane.iter().zip(seen) {
                let is_changed = counters.ended() != seen.ended;
                let has_room = added.len() < InstanceReport::MAX_ADDED || added.contains_key(&counters.name);
                if is_changed && has_room {
                    let (sum, last) = added.entry(Arc::clone(&counters.name)).or_default();
                    sum.add(&counters.take_added(seen));
                    *last = counters.last().max(*last);
                }
            }
        }
        let added = added.into_iter();
        added.map(|(name, (counters, last))| Added { name, counters, idle_for: now - last }).collect()
    }
}
