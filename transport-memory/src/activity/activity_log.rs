use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};

use rhai_dispatcher_core::{
    ActivityEntry, ActivityPosition, ActivityQueue, ActivityRange, LoggedActivity, Tick, TransportConfig,
    WallTime, lock,
};

use crate::wakes::Wakes;

/// How tasks of one worker id have ended, the newest of them.
#[derive(Default)]
pub(crate) struct ActivityLog(Mutex<State>);

#[derive(Default)]
struct State {
    /// Oldest first.
    entries: VecDeque<(ActivityPosition, ActivityEntry)>,
    bytes: usize,
    /// The last position, whether its entry is still there or not.
    last: ActivityPosition,
    /// When the last entry came.
    written_at: Option<Tick>,
    watchers: Vec<Weak<ActivityQueue>>,
}

impl ActivityLog {
    /// Adds entries, at that time; the oldest go beyond the bounds of `config`.
    pub(crate) fn append(
        &self,
        added: impl Iterator<Item = ActivityEntry>,
        (now, tick): (WallTime, Tick),
        config: &TransportConfig,
        wakes: &mut Wakes,
    ) {
        if config.max_activity == 0 {
            return;
        }
        let mut state = lock(&self.0);
        state.written_at = Some(tick);
        for entry in added {
            state.push(entry, now, wakes);
            while state.entries.len() > config.max_activity || state.bytes > config.max_activity_bytes {
                let Some((_, oldest)) = state.entries.pop_front() else { break };
                state.bytes -= bytes_of(&oldest);
            }
        }
    }

    pub(crate) fn read(&self, range: &ActivityRange, now: WallTime) -> LoggedActivity {
        let state = lock(&self.0);
        let end = match range.before {
            Some(before) => state.entries.partition_point(|(position, _)| *position < before),
            None => state.entries.len(),
        };
        let (since, until) = (range.since.map(|at| at.resolve(now)), range.until.map(|at| at.resolve(now)));
        let mut entries = Vec::new();
        let mut next = None;
        for (position, entry) in state.entries.range(..end).rev() {
            // An entry is logged after its end.
            if since.is_some_and(|since| position.millis < since.as_millis()) {
                next = None;
                break;
            }
            if entries.len() == range.limit {
                next = entries.last().map(|(position, _): &(ActivityPosition, ActivityEntry)| *position);
                break;
            }
            if since.is_none_or(|since| entry.ended_at >= since)
                && until.is_none_or(|until| entry.ended_at < until)
            {
                entries.push((*position, entry.clone()));
            }
        }
        LoggedActivity::new(now, entries, next)
    }

    pub(crate) fn watch(&self, watcher: &Arc<ActivityQueue>) {
        lock(&self.0).watchers.push(Arc::downgrade(watcher));
    }

    pub(crate) fn has_entries(&self) -> bool {
        !lock(&self.0).entries.is_empty()
    }

    /// Empties it if its last entry is older than it is kept. Whether there is a reason to keep it.
    pub(crate) fn expire(&self, now: Tick, config: &TransportConfig) -> bool {
        let mut state = lock(&self.0);
        if state.written_at.is_some_and(|at| at + config.activity_ttl <= now) {
            (state.entries, state.bytes, state.written_at) = (VecDeque::new(), 0, None);
        }
        state.watchers.retain(|watcher| watcher.strong_count() > 0);
        !(state.entries.is_empty() && state.watchers.is_empty())
    }
}

impl State {
    fn push(&mut self, entry: ActivityEntry, now: WallTime, wakes: &mut Wakes) {
        self.watchers.retain(|watcher| match watcher.upgrade() {
            Some(watcher) => {
                wakes.extend(watcher.push(entry.clone()));
                true
            }
            None => false,
        });
        // The clock may have gone back.
        self.last = match now.as_millis() > self.last.millis {
            true => ActivityPosition { millis: now.as_millis(), sequence: 0, index: 0 },
            false => ActivityPosition { sequence: self.last.sequence + 1, ..self.last },
        };
        self.bytes += bytes_of(&entry);
        self.entries.push_back((self.last, entry));
    }
}

/// What an entry takes, with the texts that it shares with others.
fn bytes_of(entry: &ActivityEntry) -> usize {
    let text = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
    size_of::<(ActivityPosition, ActivityEntry)>()
        + entry.caller_id.len()
        + entry.method.as_ref().map_or(0, |method| method.as_str().len())
        + text(&entry.script_name)
        + text(&entry.context_id)
        + entry.error.as_ref().map_or(0, |error| error.message.len())
}
