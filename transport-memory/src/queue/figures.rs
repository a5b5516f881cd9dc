use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{Added, Counters, InstanceReport, MethodFigures, WallTime};

/// What was counted of the methods of a queue.
#[derive(Default)]
pub(crate) struct QueueFigures(BTreeMap<Arc<str>, (Counters, WallTime)>);

impl QueueFigures {
    /// Adds to a method's counters; to the common ones beyond `max_figures` methods.
    pub(crate) fn add(&mut self, added: &Added, now: WallTime, max_figures: usize) {
        let methods = self.0.len() - usize::from(self.0.contains_key(InstanceReport::OTHER));
        let has_room = methods < max_figures || self.0.contains_key(&added.name);
        let name = if has_room { Arc::clone(&added.name) } else { InstanceReport::OTHER.into() };
        let at = before(now, added.idle_for);
        let (counters, last) = self.0.entry(name).or_insert_with(|| (Counters::default(), at));
        counters.add(&added.counters);
        *last = at.max(*last);
    }

    /// All of them, by name.
    pub(crate) fn list(&self) -> Vec<MethodFigures> {
        let figures = self.0.iter().map(|(name, (counters, last))| MethodFigures {
            name: Arc::clone(name),
            counters: counters.clone(),
            last_activity: *last,
        });
        figures.collect()
    }
}

/// The time that was `ago` before `now`.
pub(super) fn before(now: WallTime, ago: Duration) -> WallTime {
    let millis = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
    WallTime::from_millis(now.as_millis().saturating_sub(millis))
}
