use std::time::Duration;

use super::answer::ClaimView;
use super::quarantine::Observation;
use super::queue_model::{ModelQueue, QueueModel};

/// What an instance may claim.
pub(super) enum Offer {
    /// A group of at most so many quarantined tasks.
    Group(usize),
    Nothing,
    /// Tasks that are not quarantined.
    Others,
}

impl QueueModel {
    /// The longest observation is as many times doubled.
    const MAX_DOUBLINGS: u32 = 10;
    /// How much of a lease an instance that runs a group of one alone may be silent after the observation.
    const SILENT_PART: u32 = 10;

    /// The quarantined tasks that wait: first those that were not blamed.
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
        let (is_empty, is_free) =
            (self.quarantined(queue).is_empty(), self.instances[instance].held.is_empty());
        let is_paused = self.queues[queue].is_paused;
        let quarantine = &mut self.queues[queue].quarantine;
        if is_paused || quarantine.observed.is_some_and(|group| group.is_alone && group.instance == instance)
        {
            return Offer::Nothing;
        }
        if is_empty {
            return Offer::Others;
        }
        if let Some(group) = quarantine.observed {
            if !group.is_alone || now < group.until + lease / Self::SILENT_PART {
                return Offer::Others;
            }
            quarantine.start_over(now, lease);
        }
        if quarantine.size == 1 && !is_free && now < quarantine.open_at {
            return match *quarantine.reserved.get_or_insert(instance) == instance {
                true => Offer::Nothing,
                false => Offer::Others,
            };
        }
        Offer::Group(quarantine.size)
    }

    /// Starts a group, which has either tasks without blame or tasks with it.
    pub(super) fn start_group(&mut self, instance: usize, max: usize) -> Vec<ClaimView> {
        let queue = self.instances[instance].queue;
        let is_free = self.instances[instance].held.is_empty();
        let mut tasks = self.quarantined(queue);
        let waits_behind = self.tasks[tasks[0]].waits_behind;
        tasks.retain(|task| self.tasks[*task].waits_behind == waits_behind);
        tasks.truncate(max);
        let group: Vec<_> = tasks.into_iter().map(|task| self.start(task, instance)).collect();
        let deaths = group.iter().map(|claim| claim.deaths).max().unwrap_or(0);
        let doublings = deaths.saturating_sub(2).min(Self::MAX_DOUBLINGS);
        let until = self.now + self.config.observation * (1 << doublings);
        let is_alone = is_free && group.len() == 1;
        let quarantine = &mut self.queues[queue].quarantine;
        quarantine.observed = Some(Observation { instance, until, size: group.len(), is_alone });
        quarantine.reserved = None;
        group
    }

    /// Notes that an instance is heard of: its group has survived if it was observed for long enough.
    pub(super) fn note_alive(&mut self, instance: usize) {
        let now = self.now;
        self.survive(instance, |group| now >= group.until);
    }

    /// Notes that an instance has ended a claim: the task that it ran alone has survived if it holds nothing now.
    pub(super) fn note_free(&mut self, instance: usize) {
        if self.instances[instance].held.is_empty() {
            self.survive(instance, |group| group.is_alone);
        }
    }

    fn survive(&mut self, instance: usize, is_over: impl FnOnce(&Observation) -> bool) {
        let queue = self.instances[instance].queue;
        let is_empty = self.quarantined(queue).is_empty();
        let quarantine = &mut self.queues[queue].quarantine;
        if let Some(group) = quarantine.observed.take_if(|group| group.instance == instance && is_over(group))
        {
            quarantine.size = if is_empty { 1 } else { 2 * group.size };
        }
    }

    /// Notes that an instance has died, or a task of it has blocked a lane.
    pub(super) fn fail_observation(&mut self, instance: usize) {
        let (now, lease) = (self.now, self.config.lease);
        let quarantine = &mut self.queues[self.instances[instance].queue].quarantine;
        quarantine.reserved.take_if(|reserved| *reserved == instance);
        if quarantine.observed.is_some_and(|group| group.instance == instance) {
            quarantine.start_over(now, lease);
        }
    }

    /// Notes that an instance has ended in good order: the next group is as large as its was.
    pub(super) fn leave_observation(&mut self, instance: usize) {
        let (now, lease, queue) = (self.now, self.config.lease, self.instances[instance].queue);
        let is_empty = self.quarantined(queue).is_empty();
        let quarantine = &mut self.queues[queue].quarantine;
        quarantine.reserved.take_if(|reserved| *reserved == instance);
        if let Some(group) = quarantine.observed.take_if(|group| group.instance == instance) {
            quarantine.start_over(now, lease);
            quarantine.size = if is_empty { 1 } else { group.size };
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
