use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{InstanceId, Tick};

use crate::record::Record;

/// The quarantined tasks of one queue, and which of them may start.
///
/// They start in groups of 1, 2, 4, 8 and so on, one group after another. A group is under observation for a time, and
/// has survived when its instance is heard of after that. A group of one goes to an instance that holds nothing; one
/// instance is reserved for it, and claims nothing until it holds nothing. If there is none within half a lease, any
/// instance may have it. Tasks with blame wait behind those without, and no group has both.
pub(crate) struct Quarantine {
    /// By whether they have blame, and their number in the queue.
    waiting: BTreeMap<(bool, u64), Arc<Record>>,
    /// The size of the next group.
    next_size: usize,
    observed: Option<Observation>,
    /// From when on an instance that holds others may start a group of one.
    open_at: Tick,
    /// Whether the claims that wait were told that `open_at` has come.
    open_announced: bool,
    /// The instance that claims nothing until it may start a group of one alone, or `open_at` has come.
    reserved: Option<InstanceId>,
}

/// What of the quarantine an instance may claim now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// A group of at most so many tasks.
    Group(usize),
    /// Nothing, and no other tasks beside: it is reserved for a group of one.
    Reserved,
    /// Nothing.
    None,
}

/// A group that has started and has not survived yet.
struct Observation {
    instance: InstanceId,
    until: Tick,
    size: usize,
    /// Whether it is one task, on an instance that held nothing and gets no other task meanwhile.
    alone: bool,
    /// When the claims that wait are to look next: when it is over, and when its instance has been silent for too long.
    next_look: Option<Tick>,
}

impl Observation {
    /// From when on the next group does not wait for the instance to be heard of. A living instance that runs a group
    /// of one alone claims as soon as the observation is over.
    fn silent_at(&self, lease: Duration) -> Option<Tick> {
        self.alone.then(|| self.until + lease / Quarantine::SILENT_PART)
    }
}

impl Quarantine {
    /// The longest observation is as many times doubled.
    const MAX_DOUBLINGS: u32 = 10;
    /// How much of a lease an instance that runs a group of one alone may be silent after the observation: a tenth.
    const SILENT_PART: u32 = 10;

    /// How long a group is observed whose tasks have counted `deaths` at most.
    pub(crate) fn observation(base: Duration, deaths: u32) -> Duration {
        base * (1 << deaths.saturating_sub(2).min(Self::MAX_DOUBLINGS))
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.waiting.values()
    }

    /// Adds a task. Its first group is open to busy instances after half a lease.
    pub(crate) fn push(&mut self, record: Arc<Record>, now: Tick, lease: Duration) {
        if self.waiting.is_empty() && self.observed.is_none() {
            self.start_over(now + lease / 2);
            self.reserved = None;
        }
        let is_blamed = record.lock().progress.blamed > 0;
        self.waiting.insert((is_blamed, record.number), record);
    }

    pub(crate) fn remove(&mut self, record: &Record) -> bool {
        // It may have lost its blame since.
        [false, true].into_iter().any(|is_blamed| self.waiting.remove(&(is_blamed, record.number)).is_some())
    }

    /// The next task of a group.
    pub(crate) fn pop(&mut self) -> Option<Arc<Record>> {
        self.waiting.pop_first().map(|(_, record)| record)
    }

    /// What `instance` may claim now.
    pub(crate) fn offer(&mut self, instance: InstanceId, is_free: bool, now: Tick, lease: Duration) -> Offer {
        if self.waiting.is_empty() {
            return Offer::None;
        }
        if let Some(observed) = &self.observed {
            if observed.silent_at(lease).is_none_or(|at| now < at) {
                return Offer::None;
            }
            self.observed = None;
            self.start_over(now + lease / 2);
        }
        if self.next_size == 1 && !is_free && now < self.open_at {
            return match *self.reserved.get_or_insert(instance) == instance {
                true => Offer::Reserved,
                false => Offer::None,
            };
        }
        let without_blame = self.waiting.range(..(true, 0)).take(self.next_size).count();
        Offer::Group(if without_blame > 0 { without_blame } else { self.next_size })
    }

    /// Notes that a group has started. Returns the instance that was reserved for it.
    pub(crate) fn observe(
        &mut self,
        instance: InstanceId,
        size: usize,
        is_free: bool,
        until: Tick,
    ) -> Option<InstanceId> {
        let alone = is_free && size == 1;
        self.observed = Some(Observation { instance, until, size, alone, next_look: Some(until) });
        self.reserved.take()
    }

    /// Whether `instance` gets no other task now.
    pub(crate) fn is_alone(&self, instance: InstanceId) -> bool {
        self.observed.as_ref().is_some_and(|observed| observed.alone && observed.instance == instance)
    }

    /// Notes that `instance` lives. Whether its group has survived by that.
    pub(crate) fn lives(&mut self, instance: InstanceId, now: Tick) -> bool {
        self.survives(|observed| observed.instance == instance && now >= observed.until)
    }

    /// Notes that `instance` holds nothing any more: the task that it ran alone, if it did, has survived by that.
    pub(crate) fn finished(&mut self, instance: InstanceId) {
        self.survives(|observed| observed.instance == instance && observed.alone);
    }

    fn survives(&mut self, is_over: impl FnOnce(&Observation) -> bool) -> bool {
        let Some(observed) = self.observed.take_if(|observed| is_over(observed)) else { return false };
        self.next_size = if self.waiting.is_empty() { 1 } else { observed.size.saturating_mul(2) };
        true
    }

    /// Notes that `instance` has died, or that a task of its has blocked a lane. Whether it had a group under
    /// observation: the next one is of one task, and open to busy instances after half a lease.
    pub(crate) fn fails(&mut self, instance: InstanceId, now: Tick, lease: Duration) -> bool {
        let failed = self.leave(instance).is_some();
        if failed {
            self.start_over(now + lease / 2);
        }
        failed
    }

    /// Notes that `instance` has ended in good order, and its tasks wait again: the next group is as large as the one that
    /// it had under observation.
    pub(crate) fn detaches(&mut self, instance: InstanceId, now: Tick, lease: Duration) {
        if let Some(observed) = self.leave(instance) {
            self.start_over(now + lease / 2);
            self.next_size = if self.waiting.is_empty() { 1 } else { observed.size };
        }
    }

    /// Ends what concerns `instance`. Returns the group that it had under observation.
    fn leave(&mut self, instance: InstanceId) -> Option<Observation> {
        self.reserved.take_if(|reserved| *reserved == instance);
        self.observed.take_if(|observed| observed.instance == instance)
    }

    fn start_over(&mut self, open_at: Tick) {
        self.next_size = 1;
        self.open_at = open_at;
        self.open_announced = false;
    }

    /// The next moment at which claims that wait are to look again.
    pub(crate) fn next_due(&self) -> Option<Tick> {
        match &self.observed {
            Some(observed) => observed.next_look,
            // The reserved instance waits for that moment also if all that were quarantined have been cancelled.
            None if self.waiting.is_empty() && self.reserved.is_none() => None,
            None if self.next_size > 1 || self.open_announced => None,
            None => Some(self.open_at),
        }
    }

    /// Whether that moment has come; once for each.
    pub(crate) fn announce(&mut self, now: Tick, lease: Duration) -> bool {
        if self.next_due().is_none_or(|due| due > now) {
            return false;
        }
        match &mut self.observed {
            Some(observed) => observed.next_look = observed.silent_at(lease).filter(|at| *at > now),
            None => (self.open_announced, self.reserved) = (true, None),
        }
        true
    }
}

impl Default for Quarantine {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            next_size: 1,
            observed: None,
            open_at: Tick::default(),
            open_announced: false,
            reserved: None,
        }
    }
}
