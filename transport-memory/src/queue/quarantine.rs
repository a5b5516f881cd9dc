use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{InstanceId, TaskId, Tick};

use crate::record::Record;

/// The quarantined tasks of one queue, and which of them may start.
///
/// They start in groups, one group after another: the first 8 of one task, the next of 2, 4 and so on. A group is under
/// observation for a time, and has survived when its instance is heard of after that; a death of that instance
/// meanwhile starts over. One instance is reserved for the groups: it claims nothing until it holds nothing, and then
/// group after group and no other tasks. If no instance can take a group so within half a lease, any instance may have
/// it. Tasks with blame wait behind those without, and until then start only on an instance that holds nothing.
pub(crate) struct Quarantine {
    /// By whether they wait behind the others, and their number in the queue.
    waiting: BTreeMap<(bool, u64), Arc<Record>>,
    /// The size of the next group.
    next_size: usize,
    /// How many groups of one come after that before they grow.
    singles: usize,
    /// The group under observation, and when the claims that wait are to look next: when that is over, and when its
    /// instance has been silent for too long.
    observed: Option<(Observation, Option<Tick>)>,
    /// From when on an instance that holds others may start a group.
    open_at: Tick,
    /// Whether the claims that wait were told that `open_at` has come.
    open_announced: bool,
    reserved: Option<Reserved>,
    /// The last group whose instance was silent after the observation.
    silent: Option<Observation>,
    /// The task that was a group by itself when its instance died: it is to wait behind the others.
    failed_single: Option<TaskId>,
}

/// What of the quarantine an instance may claim now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// A group of at most so many tasks, and whether the instance then holds nothing else.
    Group { size: usize, alone: bool },
    /// Nothing, and no other tasks either: it is reserved.
    Reserved,
    /// Nothing.
    None,
}

/// A group that has started and has not survived yet.
pub(crate) struct Observation {
    pub(crate) instance: InstanceId,
    pub(crate) until: Tick,
    pub(crate) size: usize,
    /// Whether its instance holds quarantined tasks alone, and gets no others meanwhile.
    pub(crate) alone: bool,
    pub(crate) first: TaskId,
}

/// The instance that is reserved for groups.
struct Reserved {
    instance: InstanceId,
    /// Whether it has started one, or is to become free yet.
    started: bool,
}

impl Observation {
    /// From when on the next group does not wait for the instance to be heard of. A living instance that holds
    /// quarantined tasks alone claims as soon as the observation is over.
    fn silent_at(&self, lease: Duration) -> Option<Tick> {
        self.alone.then(|| self.until + lease / Quarantine::SILENT_PART)
    }
}

impl Quarantine {
    /// The longest observation is as many times doubled.
    const MAX_DOUBLINGS: u32 = 10;
    /// How many groups of one come first. A task that kills is mostly among few, and is found alone by that; later it
    /// would take the others of its group along.
    const SINGLES: usize = 8;
    /// How much of a lease an instance that holds quarantined tasks alone may be silent after the observation: a tenth.
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

    /// The tasks from a place on, in the order in which they are to start, each with its place.
    pub(crate) fn from(
        &self,
        is_behind: bool,
        number: u64,
    ) -> impl Iterator<Item = (&(bool, u64), &Arc<Record>)> {
        self.waiting.range((is_behind, number)..)
    }

    /// Adds a task. If it is the first, its group is open to busy instances after half a lease.
    pub(crate) fn push(&mut self, record: Arc<Record>, now: Tick, lease: Duration) {
        if self.waiting.is_empty() && self.observed.is_none() {
            self.start_over(now + lease / 2);
            self.reserved = None;
        }
        let has_failed = self.failed_single.take_if(|single| *single == record.task.id).is_some();
        let is_behind = has_failed || record.lock().progress.blamed > 0;
        self.waiting.insert((is_behind, record.number), record);
    }

    pub(crate) fn remove(&mut self, record: &Record) -> bool {
        [false, true].into_iter().any(|is_behind| self.waiting.remove(&(is_behind, record.number)).is_some())
    }

    /// Whether the next task waits behind others.
    pub(crate) fn next_is_behind(&self) -> bool {
        self.waiting.first_key_value().is_some_and(|((is_behind, _), _)| *is_behind)
    }

    /// The next task of a group. Of those behind others none is in a group with the others.
    pub(crate) fn pop(&mut self, is_behind: bool) -> Option<Arc<Record>> {
        let first = self.waiting.first_entry().filter(|first| first.key().0 == is_behind)?;
        Some(first.remove())
    }

    /// What `instance` may claim now; `is_free`: whether it holds nothing.
    pub(crate) fn offer(&mut self, instance: InstanceId, is_free: bool, now: Tick, lease: Duration) -> Offer {
        if self.waiting.is_empty() {
            return Offer::None;
        }
        if let Some((observed, _)) = &self.observed {
            if observed.silent_at(lease).is_none_or(|at| now < at) {
                return Offer::None;
            }
            // It may be dead, or hold as much as it can and have no reason to claim.
            self.silent = self.observed.take().map(|(observed, _)| observed);
            self.reserved = None;
            (self.open_at, self.open_announced) = (now + lease / 2, false);
        }
        let in_front = self.waiting.range(..(true, 0)).take(self.next_size).count();
        let is_reserved = |reserved: &Reserved| reserved.instance == instance;
        let continues =
            self.reserved.as_ref().is_some_and(|reserved| reserved.started && is_reserved(reserved));
        let alone = is_free || continues && in_front > 0;
        if !alone && now < self.open_at {
            let reserved = self.reserved.get_or_insert(Reserved { instance, started: false });
            return if is_reserved(reserved) { Offer::Reserved } else { Offer::None };
        }
        Offer::Group { size: in_front.max(1), alone }
    }

    /// Notes that a group has started. Returns an instance that was reserved, and is not any more.
    pub(crate) fn observe(&mut self, observation: Observation) -> Option<InstanceId> {
        let Observation { instance, until, alone, .. } = observation;
        self.observed = Some((observation, Some(until)));
        let reserved = alone.then_some(Reserved { instance, started: true });
        let before = std::mem::replace(&mut self.reserved, reserved).map(|reserved| reserved.instance);
        before.filter(|before| *before != instance)
    }

    /// Whether `instance` gets no other task now.
    pub(crate) fn is_alone(&self, instance: InstanceId) -> bool {
        self.observed.as_ref().is_some_and(|(observed, _)| observed.alone && observed.instance == instance)
    }

    /// Notes that `instance` lives. Whether its group has survived by that.
    pub(crate) fn lives(&mut self, instance: InstanceId, now: Tick, lease: Duration) -> bool {
        self.survives(now, lease, |observed| observed.instance == instance && now >= observed.until)
    }

    /// Notes that `instance` holds nothing any more: the group that it had, if it held nothing else, has survived.
    pub(crate) fn finished(&mut self, instance: InstanceId, now: Tick, lease: Duration) {
        self.survives(now, lease, |observed| observed.instance == instance && observed.alone);
    }

    fn survives(&mut self, now: Tick, lease: Duration, is_over: impl FnOnce(&Observation) -> bool) -> bool {
        let Some((observed, _)) = self.observed.take_if(|(observed, _)| is_over(observed)) else {
            return false;
        };
        if self.singles > 0 {
            self.singles -= 1;
        } else {
            self.next_size = observed.size.saturating_mul(2);
        }
        // One that ran beside others, since every instance holds some for long: the next one does not wait either, unless
        // it is of a task that waits behind others.
        let waits = observed.alone || self.waiting.keys().next().is_none_or(|(is_behind, _)| *is_behind);
        self.open_at = if waits { now + lease / 2 } else { now };
        self.open_announced = !waits;
        if self.waiting.is_empty() {
            self.reserved = None;
        }
        true
    }

    /// Notes that `instance` has died. If it had a group of one under observation, that task is to wait behind the others.
    pub(crate) fn dies(&mut self, instance: InstanceId, now: Tick, lease: Duration) {
        let silent = self.silent.take_if(|silent| silent.instance == instance);
        if let Some(observed) = self.fails(instance, now, lease).or(silent) {
            self.failed_single = (observed.size == 1).then_some(observed.first);
        }
    }

    /// Notes that a task of `instance` has blocked a lane, or that it has died. If it had a group under observation, which is
    /// returned, the next groups are of one task, and open to busy instances after half a lease.
    pub(crate) fn fails(&mut self, instance: InstanceId, now: Tick, lease: Duration) -> Option<Observation> {
        let observed = self.leave(instance)?;
        self.start_over(now + lease / 2);
        Some(observed)
    }

    /// Notes that `instance` has ended in good order, and its tasks wait again: the next group is as large as the one that
    /// it had under observation.
    pub(crate) fn detaches(&mut self, instance: InstanceId, now: Tick, lease: Duration) {
        if let Some(observed) = self.leave(instance) {
            self.next_size = observed.size;
            (self.open_at, self.open_announced) = (now + lease / 2, false);
        }
    }

    /// Ends what concerns `instance`. Returns the group that it had under observation.
    fn leave(&mut self, instance: InstanceId) -> Option<Observation> {
        self.reserved.take_if(|reserved| reserved.instance == instance);
        self.silent.take_if(|silent| silent.instance == instance);
        self.observed.take_if(|(observed, _)| observed.instance == instance).map(|(observed, _)| observed)
    }

    fn start_over(&mut self, open_at: Tick) {
        self.next_size = 1;
        self.singles = Self::SINGLES - 1;
        self.open_at = open_at;
        self.open_announced = false;
    }

    /// The next moment at which claims that wait are to look again.
    pub(crate) fn next_due(&self) -> Option<Tick> {
        match &self.observed {
            Some((_, next_look)) => *next_look,
            // The reserved instance waits for that moment also if all that were quarantined have been cancelled.
            None if self.waiting.is_empty() && self.reserved.is_none() => None,
            None => (!self.open_announced).then_some(self.open_at),
        }
    }

    /// Whether that moment has come; once for each.
    pub(crate) fn announce(&mut self, now: Tick, lease: Duration) -> bool {
        if self.next_due().is_none_or(|due| due > now) {
            return false;
        }
        match &mut self.observed {
            Some((observed, next_look)) => *next_look = observed.silent_at(lease).filter(|at| *at > now),
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
            singles: 0,
            observed: None,
            open_at: Tick::default(),
            open_announced: false,
            reserved: None,
            silent: None,
            failed_single: None,
        }
    }
}
