use std::time::Duration;

use super::answer::ClaimView;
use super::quarantine::{Observation, Reservation};
use super::queue_model::{ModelQueue, QueueModel};

/// What an instance may claim.
pub(super) enum Offer {
    /// A group of at most so many quarantined tasks, and whether the instance then holds no others.
    Group {
        size: usize,
        is_alone: bool,
    },
    Nothing,
    /// Tasks that are not quarantined.
    Others,
}

impl QueueModel {
    /// The longest observation is as many times doubled.
    const MAX_DOUBLINGS: u32 = 10;
    /// How much of a lease an instance that holds quarantined tasks alone may be silent after the observation.
    const SILENT_PART: u32 = 10;

    /// The quarantined tasks that wait: first those that do not wait behind others.
    pub(super) fn quarantined(&self, queue: usize) -> Vec<usize> {
        let waits = |task: &usize| {
            let task = &self.tasks[*task];
            task.queue == queue && task.is_pending() && task.is_quarantined() && !task.is_delayed(self.now)
        };
        let mut tasks: Vec<_> = (0..self.tasks.len()).filter(waits).collect();
        tasks.sort_by_key(|task| (self.tasks[*task].waits_behind, *task));
        tasks
    }

    /// What `instance` may claim now.
    pub(super) fn offer(&mut self, instance: usize) -> Offer {
        self.note_alive(instance);
        let (now, lease) = (self.now, self.config.lease);
        let queue = self.instances[instance].queue;
        let waiting = self.quarantined(queue);
        let in_front = waiting.iter().filter(|task| !self.tasks[**task].waits_behind).count();
        let is_free = self.instances[instance].held.is_empty();
        let is_paused = self.queues[queue].is_paused;
        let quarantine = &mut self.queues[queue].quarantine;
        let is_alone = |group: Observation| group.is_alone && group.instance == instance;
        if is_paused || quarantine.observed.is_some_and(is_alone) {
            return Offer::Nothing;
        }
        if waiting.is_empty() {
            return Offer::Others;
        }
        if let Some(group) = quarantine.observed {
            if !group.is_alone || now < group.until + lease / Self::SILENT_PART {
                return Offer::Others;
            }
            quarantine.silent = quarantine.observed.take();
            quarantine.reserved = None;
            quarantine.open_at = now + lease / 2;
        }
        let is_its = |reserved: Reservation| reserved.instance == instance;
        let continues = quarantine.reserved.is_some_and(|reserved| reserved.has_started && is_its(reserved));
        let is_alone = is_free || continues && in_front > 0;
        if !is_alone && now < quarantine.open_at {
            let reserved = quarantine.reserved.get_or_insert(Reservation { instance, has_started: false });
            return if is_its(*reserved) { Offer::Nothing } else { Offer::Others };
        }
        Offer::Group { size: quarantine.size.min(in_front).max(1), is_alone }
    }

    /// Starts a group of `size` tasks. If its instance holds no others, that is reserved.
    pub(super) fn start_group(&mut self, instance: usize, size: usize, is_alone: bool) -> Vec<ClaimView> {
        let queue = self.instances[instance].queue;
        let tasks = self.quarantined(queue);
        let first = tasks[0];
        let group: Vec<_> = tasks.into_iter().take(size).map(|task| self.start(task, instance)).collect();
        let deaths = group.iter().map(|claim| claim.deaths).max().unwrap_or(0);
        let doublings = deaths.saturating_sub(2).min(Self::MAX_DOUBLINGS);
        let until = self.now + self.config.observation * (1 << doublings);
        let quarantine = &mut self.queues[queue].quarantine;
        quarantine.observed = Some(Observation { instance, until, size: group.len(), is_alone, first });
        quarantine.reserved = is_alone.then_some(Reservation { instance, has_started: true });
        group
    }

    /// Notes that an instance is heard of: its group has survived if it was observed for long enough.
    pub(super) fn note_alive(&mut self, instance: usize) {
        let now = self.now;
        self.survive(instance, |group| now >= group.until);
    }

    /// Notes that an instance has ended a claim: the group that it was alone with has survived if it holds nothing now.
    pub(super) fn note_free(&mut self, instance: usize) {
        if self.instances[instance].held.is_empty() {
            self.survive(instance, |group| group.is_alone);
        }
    }

    fn survive(&mut self, instance: usize, is_over: impl FnOnce(&Observation) -> bool) {
        let (now, lease, queue) = (self.now, self.config.lease, self.instances[instance].queue);
        let waiting = self.quarantined(queue);
        let is_empty = waiting.is_empty();
        let none_in_front = waiting.first().is_none_or(|task| self.tasks[*task].waits_behind);
        let quarantine = &mut self.queues[queue].quarantine;
        let Some(group) = quarantine.observed.take_if(|group| group.instance == instance && is_over(group))
        else {
            return;
        };
        match quarantine.singles {
            0 => quarantine.size = 2 * group.size,
            _ => quarantine.singles -= 1,
        }
        // One that ran beside others, since every instance holds some: the next one does not wait either, unless it is of
        // a task that waits behind others.
        quarantine.open_at = if group.is_alone || none_in_front { now + lease / 2 } else { now };
        if is_empty {
            quarantine.reserved = None;
        }
    }

    /// Notes that an instance has died, or a task of it has blocked a lane. Returns the task that was a group by itself,
    /// which is to wait behind the others.
    pub(super) fn fail_observation(&mut self, instance: usize) -> Option<usize> {
        let (now, lease) = (self.now, self.config.lease);
        let quarantine = &mut self.queues[self.instances[instance].queue].quarantine;
        let silent = quarantine.silent.take_if(|silent| silent.instance == instance);
        let group = match quarantine.leave(instance) {
            Some(group) => {
                quarantine.start_over(now, lease);
                group
            }
            None => silent?,
        };
        (group.size == 1).then_some(group.first)
    }

    /// Notes that an instance has ended in good order: the next group is as large as its was.
    pub(super) fn leave_observation(&mut self, instance: usize) {
        let quarantine = &mut self.queues[self.instances[instance].queue].quarantine;
        if let Some(group) = quarantine.leave(instance) {
            quarantine.size = group.size;
            quarantine.open_at = self.now + self.config.lease / 2;
        }
    }

    /// Lets time pass. A reservation ends when busy instances may have the group.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        for ModelQueue { quarantine, .. } in &mut self.queues {
            if quarantine.observed.is_none() && self.now >= quarantine.open_at {
                quarantine.reserved = None;
            }
        }
    }

    /// Whether the next quarantined task of each queue is the first, with which the groups start over.
    pub(super) fn are_unquarantined(&self) -> [bool; Self::QUEUES] {
        [0, 1].map(|queue| {
            self.queues[queue].quarantine.observed.is_none() && self.quarantined(queue).is_empty()
        })
    }

    /// Comes after each operation; `before`: [`are_unquarantined`](Self::are_unquarantined) before it.
    pub(super) fn note_quarantined(&mut self, before: [bool; Self::QUEUES]) {
        for (queue, was_unquarantined) in before.into_iter().enumerate() {
            if was_unquarantined && !self.quarantined(queue).is_empty() {
                let quarantine = &mut self.queues[queue].quarantine;
                quarantine.start_over(self.now, self.config.lease);
                quarantine.reserved = None;
            }
        }
    }
}
