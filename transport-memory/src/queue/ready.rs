use std::collections::VecDeque;
use std::sync::Arc;

use rhai_dispatcher_core::Priority;

use crate::record::Record;

/// The tasks that could be claimed now, by priority.
///
/// Of 16 starts each priority has as many turns as its weight, spread evenly. The turn of a priority without tasks goes
/// to the most urgent one that has some. The Redis transport does the same.
#[derive(Default)]
pub(crate) struct Ready {
    queues: [VecDeque<Arc<Record>>; Priority::ALL.len()],
    /// The next turn.
    turn: usize,
}

impl Ready {
    /// Smooth weighted round-robin, as in nginx's upstream balancer: in each turn every priority earns its weight, and
    /// the richest pays what all have earned.
    const TURNS: [Priority; 16] = {
        let mut turns = [Priority::High; 16];
        let mut earned = [0; Priority::ALL.len()];
        let mut turn = 0;
        while turn < turns.len() {
            let (mut total, mut richest, mut index) = (0, 0, 0);
            while index < Priority::ALL.len() {
                let weight = Priority::ALL[index].weight().cast_signed();
                earned[index] += weight;
                total += weight;
                if earned[index] > earned[richest] {
                    richest = index;
                }
                index += 1;
            }
            earned[richest] -= total;
            turns[turn] = Priority::ALL[richest];
            turn += 1;
        }
        turns
    };

    pub(crate) fn push_back(&mut self, record: Arc<Record>) {
        self.queues[record.task.priority as usize].push_back(record);
    }

    /// Puts a task back ahead of those that came later.
    pub(crate) fn put_back(&mut self, record: Arc<Record>) {
        let queue = &mut self.queues[record.task.priority as usize];
        let place = queue.partition_point(|other| other.number < record.number);
        queue.insert(place, record);
    }

    /// Takes out the task whose turn it is. The turn lasts until a task is started: one that was cancelled or has expired
    /// here does not cost its priority a turn.
    pub(crate) fn pop(&mut self) -> Option<Arc<Record>> {
        let turn = Self::TURNS[self.turn];
        [turn]
            .into_iter()
            .chain(Priority::ALL)
            .find_map(|priority| self.queues[priority as usize].pop_front())
    }

    /// Notes that the task that was taken out is started.
    pub(crate) fn note_start(&mut self) {
        self.turn = (self.turn + 1) % Self::TURNS.len();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }

    pub(crate) fn len(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum()
    }

    /// The tasks from that priority and number on, in the order of these two.
    pub(crate) fn from(&self, priority: usize, number: u64) -> impl Iterator<Item = (usize, &Arc<Record>)> {
        let queues = self.queues.iter().enumerate().skip(priority);
        queues.flat_map(move |(index, queue)| {
            let from = if index == priority { number } else { 0 };
            let start = queue.partition_point(|record| record.number < from);
            queue.range(start..).map(move |record| (index, record))
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.queues.iter().flatten()
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Arc<Record>) -> bool) {
        for queue in &mut self.queues {
            queue.retain(&mut keep);
        }
    }
}

#[cfg(test)]
mod tests {
    use rhai_dispatcher_core::{Payload, Task, Tick, WallTime, WorkerId};

    use super::*;

    fn fill(ready: &mut Ready, priority: Priority, count: u64) {
        let worker_id = WorkerId::try_from("worker-1").expect("a name");
        for number in 0..count {
            let mut task = Task::new(worker_id.clone(), Payload::script("1"), "caller");
            task.priority = priority;
            let record = Record::new(Arc::new(task), number, (WallTime::from_millis(0), Tick::default()));
            ready.push_back(Arc::new(record));
        }
    }

    #[test]
    fn of_16_picks_10_are_high_5_normal_and_1_low() {
        let mut ready = Ready::default();
        Priority::ALL.into_iter().for_each(|priority| fill(&mut ready, priority, 100));
        for _ in 0..5 {
            let mut picked = [0; 3];
            for _ in 0..16 {
                picked[ready.pop().expect("full").task.priority as usize] += 1;
                ready.note_start();
            }
            assert_eq!(picked, [10, 5, 1]);
        }
    }

    #[test]
    fn a_task_that_is_not_started_costs_no_turn() {
        let mut ready = Ready::default();
        Priority::ALL.into_iter().for_each(|priority| fill(&mut ready, priority, 100));
        for turn in Ready::TURNS {
            for _ in 0..3 {
                assert_eq!(ready.pop().expect("full").task.priority, turn);
            }
            ready.note_start();
        }
    }

    #[test]
    fn a_task_that_comes_back_keeps_its_place() {
        let mut ready = Ready::default();
        fill(&mut ready, Priority::Normal, 4);
        let (first, second) = (ready.pop().expect("full"), ready.pop().expect("full"));
        ready.put_back(second);
        ready.put_back(first);
        let order: Vec<u64> = std::iter::from_fn(|| ready.pop()).map(|record| record.number).collect();
        assert_eq!(order, [0, 1, 2, 3]);
    }
}
