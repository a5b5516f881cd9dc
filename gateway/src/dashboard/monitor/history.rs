use std::collections::{BTreeMap, VecDeque};

use rhai_dispatcher::WorkerId;
use rhai_dispatcher::transport::{Counters, Histogram, QueueInfo, WallTime};

/// The numbers of the last minutes, by worker id.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    times: VecDeque<WallTime>,
    queues: BTreeMap<WorkerId, Series>,
}

#[derive(Debug, Clone, Default)]
struct Series {
    /// What was counted at the last reading.
    counters: Counters,
    /// As many as there are times.
    points: VecDeque<Point>,
}

/// What was done between two readings, and what waited at the second one.
#[derive(Debug, Clone, Default)]
pub(in crate::dashboard) struct Point {
    pub(in crate::dashboard) waiting: usize,
    pub(in crate::dashboard) running: usize,
    pub(in crate::dashboard) completed: u64,
    pub(in crate::dashboard) errors: u64,
    pub(in crate::dashboard) times: Histogram,
}

impl History {
    /// How many readings are kept: those of 10 minutes.
    const MAX_POINTS: usize = 300;
    /// Of how many worker ids they are kept. Others have their current numbers only.
    const MAX_QUEUES: usize = 500;

    /// Adds a reading: the numbers of each queue, and the sums of its counters.
    pub(super) fn add(&mut self, now: WallTime, queues: &[(QueueInfo, Counters)]) {
        let before = self.times.len();
        self.times.push_back(now);
        for (queue, counters) in queues {
            let is_new = !self.queues.contains_key(&queue.worker_id);
            if is_new && self.queues.len() >= Self::MAX_QUEUES {
                continue;
            }
            let series = self.queues.entry(queue.worker_id.clone()).or_default();
            // What was counted before the first reading belongs to no interval.
            let done = if is_new { Counters::default() } else { difference(counters, &series.counters) };
            series.counters = counters.clone();
            series.points.resize_with(before, Point::default);
            series.points.push_back(Point {
                waiting: queue.waiting(),
                running: queue.claimed,
                completed: done.completed,
                errors: done.errors,
                times: done.times,
            });
        }
        for series in self.queues.values_mut() {
            series.points.resize_with(self.times.len(), Point::default);
        }
        if self.times.len() > Self::MAX_POINTS {
            self.times.pop_front();
            self.queues.values_mut().for_each(|series| drop(series.points.pop_front()));
        }
        self.queues.retain(|_, series| series.points.iter().any(|point| !point.is_empty()));
    }

    pub(super) fn times(&self) -> &VecDeque<WallTime> {
        &self.times
    }

    /// The points of a worker id; none if nothing is kept of it.
    pub(super) fn points(&self, worker_id: &WorkerId) -> Option<&VecDeque<Point>> {
        self.queues.get(worker_id).map(|series| &series.points)
    }
}

impl Point {
    fn is_empty(&self) -> bool {
        self.waiting == 0 && self.running == 0 && self.completed == 0 && self.errors == 0
    }

    /// Adds what another worker id did in the same interval.
    pub(super) fn add(&mut self, other: &Self) {
        self.waiting += other.waiting;
        self.running += other.running;
        self.completed += other.completed;
        self.errors += other.errors;
        self.times.merge(&other.times);
    }
}

/// What was counted since. Counters that a store has lost begin anew.
fn difference(now: &Counters, before: &Counters) -> Counters {
    if now.calls() < before.calls() {
        return now.clone();
    }
    let mut times = Histogram::default();
    let old: BTreeMap<_, _> = before.times.buckets().collect();
    for (bucket, count) in now.times.buckets() {
        times.add(bucket, count.saturating_sub(old.get(&bucket).copied().unwrap_or(0)));
    }
    let mut done = Counters::default();
    done.completed = now.completed.saturating_sub(before.completed);
    done.errors = now.errors.saturating_sub(before.errors);
    done.cancelled = now.cancelled.saturating_sub(before.cancelled);
    done.times = times;
    done
}
