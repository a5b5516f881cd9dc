use std::collections::VecDeque;
use std::sync::Arc;

use rhai_dispatcher_core::Priority;

use crate::record::Record;

/// The tasks that could be claimed now, by priority.
///
/// Which one is next is settled by smooth weighted round-robin, as in nginx's upstream balancer:
/// each priority that has tasks earns its weight per pick, the richest one is picked and pays what
/// all earned. So a priority that was empty is picked soon after it gets a task, and over time each
/// gets its share.
#[derive(Default)]
pub(crate) struct Ready {
    queues: [VecDeque<Arc<Record>>; Priority::ALL.len()],
    credit: [i64; Priority::ALL.len()],
}

impl Ready {
    pub(crate) fn push_back(&mut self, record: Arc<Record>) {
        self.queues[record.task.priority as usize].push_back(record);
    }

    /// Puts a task back ahead of those that came later.
    pub(crate) fn put_back(&mut self, record: Arc<Record>) {
        let queue = &mut self.queues[record.task.priority as usize];
        let place = queue.partition_point(|other| other.number < record.number);
        queue.insert(place, record);
    }

    pub(crate) fn pop(&mut self) -> Option<Arc<Record>> {
        let mut total = 0;
        let mut richest: Option<usize> = None;
        for priority in Priority::ALL {
            let index = priority as usize;
            if self.queues[index].is_empty() {
                self.credit[index] = 0;
                continue;
            }
            let weight = i64::from(priority.weight());
            self.credit[index] += weight;
            total += weight;
            if richest.is_none_or(|other| self.credit[index] > self.credit[other]) {
                richest = Some(index);
            }
        }
        let index = richest?;
        self.credit[index] -= total;
        self.queues[index].pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }

    pub(crate) fn len(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum()
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
    use crate::queue::Queue;

    fn fill(ready: &mut Ready, priority: Priority, count: u64) {
        let worker_id = WorkerId::try_from("worker-1").expect("a name");
        let queue = Queue::for_tests();
        for number in 0..count {
            let mut task = Task::new(worker_id.clone(), Payload::script("1"), "caller");
            task.priority = priority;
            let record = Record::new(
                Arc::new(task),
                Arc::downgrade(&queue),
                number,
                (WallTime::from_millis(0), Tick::default),
            );
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
            }
            assert_eq!(picked, [10, 5, 1]);
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
