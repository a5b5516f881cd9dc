use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher::activity::{ActivityEntry, LoggedActivity};
use rhai_dispatcher::transport::{Histogram, QueueInfo, WallTime};
use rhai_dispatcher::{TaskStatus, WorkerId};

/// The numbers of the last minutes, in intervals of 2 s, by worker id.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    /// The oldest first, one after the other. Clones share those that do not change any more.
    intervals: VecDeque<Arc<Interval>>,
}

#[derive(Debug, Clone)]
struct Interval {
    /// Its beginning, as a number of intervals since the epoch.
    number: u64,
    /// Whether the queues were read: one that is not there held nothing.
    was_read: bool,
    queues: BTreeMap<WorkerId, Point>,
}

/// What was done in an interval, and what waited and ran at its last reading.
#[derive(Debug, Clone, Default)]
pub(in crate::dashboard) struct Point {
    /// None if that was not read.
    pub(in crate::dashboard) waiting: Option<usize>,
    pub(in crate::dashboard) running: Option<usize>,
    pub(in crate::dashboard) completed: u64,
    pub(in crate::dashboard) errors: u64,
    pub(in crate::dashboard) times: Histogram,
    /// Of how much of the interval the ends are known: a busy log has its last ends only.
    covered: Duration,
}

impl History {
    /// The length of an interval, in milliseconds.
    pub(super) const MILLIS: u64 = 2_000;
    /// How many intervals are kept: 10 minutes.
    const INTERVALS: u64 = 300;
    /// How many worker ids an interval has: further ones are in the tables of a page, and not in its plots.
    const MAX_WORKER_IDS: usize = 1_000;
    /// Pages are read every 2 s or 5 s: for so many intervals a reading holds.
    const HELD: u64 = 4;
    /// A worker tells of an end within 250 ms: what was read 4 s later is complete.
    const AGAIN: u64 = 2;

    /// Moves on to `now`. Returns from when on the activity has to be read.
    pub(super) fn begin(&mut self, now: WallTime) -> WallTime {
        let number = now.as_millis() / Self::MILLIS;
        // An older log may have been empty, or of a time before the store's clock was set: it is read anew.
        let is_known =
            |interval: &Arc<Interval>| (interval.number..interval.number + Self::INTERVALS).contains(&number);
        let from = match self.intervals.back().filter(|last| is_known(last)) {
            Some(last) => last.number.saturating_sub(Self::AGAIN),
            None => {
                self.intervals.clear();
                number.saturating_sub(Self::INTERVALS - 1)
            }
        };
        let next = self.intervals.back().map_or(from, |last| last.number + 1);
        // What was left out between two readings of a page is as it was before; of a longer time nothing is known.
        let held =
            self.intervals.back().filter(|last| number - last.number <= Self::HELD).map(|last| last.held());
        for number in next..number {
            let (was_read, queues) = (held.is_some(), held.clone().unwrap_or_default());
            self.intervals.push_back(Arc::new(Interval { number, was_read, queues }));
        }
        if next <= number {
            self.intervals.push_back(Arc::new(Interval { number, was_read: true, queues: BTreeMap::new() }));
        }
        while self.intervals.front().is_some_and(|first| first.number + Self::INTERVALS <= number) {
            self.intervals.pop_front();
        }
        WallTime::from_millis(from * Self::MILLIS)
    }

    /// Adds what a queue has at `now`.
    pub(super) fn add_queue(&mut self, queue: &QueueInfo) {
        if let Some(last) = self.intervals.back_mut() {
            let Some(point) = Arc::make_mut(last).point_mut(&queue.worker_id) else { return };
            (point.waiting, point.running) = (Some(queue.waiting()), Some(queue.claimed));
        }
    }

    /// Adds the ends of a worker id from `from` on; `limit` is how many were asked for.
    pub(super) fn add_ends(
        &mut self,
        worker_id: &WorkerId,
        from: WallTime,
        log: &LoggedActivity,
        limit: usize,
    ) {
        let ends = || log.entries.iter().map(|(_, entry)| entry);
        // A full log has lost what was before its first entry.
        let is_cut = log.next.is_some() || log.entries.len() >= limit / 10 * 9;
        let oldest = ends().map(|entry| entry.ended_at).min().filter(|_| is_cut);
        let from = oldest.map_or(from, |oldest| oldest.max(from));
        let mut found: BTreeMap<u64, Vec<&ActivityEntry>> = BTreeMap::new();
        for entry in ends().filter(|entry| entry.ended_at >= from) {
            found.entry(entry.ended_at.as_millis() / Self::MILLIS).or_default().push(entry);
        }
        for interval in &mut self.intervals {
            let begin = WallTime::from_millis(interval.number * Self::MILLIS);
            let end = WallTime::from_millis((interval.number + 1) * Self::MILLIS);
            let covered = log.now.min(end) - from.max(begin).min(end);
            if covered.is_zero() {
                continue;
            }
            let ends = found.remove(&interval.number).unwrap_or_default();
            let known = interval.queues.get(worker_id).map_or(Duration::ZERO, |point| point.covered);
            if covered < known
                || (ends.is_empty() && known.is_zero() && !interval.queues.contains_key(worker_id))
            {
                continue;
            }
            if let Some(point) = Arc::make_mut(interval).point_mut(worker_id) {
                point.set_ends(&ends, covered);
            }
        }
    }

    /// When the intervals began that have ended, the oldest first.
    pub(super) fn times(&self) -> Vec<WallTime> {
        self.past().map(|interval| WallTime::from_millis(interval.number * Self::MILLIS)).collect()
    }

    /// The points of all worker ids that `has` holds for, together, one for each time.
    pub(super) fn points(&self, has: impl Fn(&WorkerId) -> bool) -> Vec<Point> {
        let sum = |interval: &Interval| {
            let mut sum = interval.nothing();
            let points = interval.queues.iter().filter(|(worker_id, _)| has(worker_id));
            points.for_each(|(_, point)| sum.add(point));
            sum
        };
        self.past().map(sum).collect()
    }

    /// The points of one worker id, one for each time.
    pub(super) fn points_of(&self, worker_id: &WorkerId) -> Vec<Point> {
        let of = |interval: &Interval| {
            let mut point = interval.nothing();
            interval.queues.get(worker_id).into_iter().for_each(|own| point.add(own));
            point
        };
        self.past().map(of).collect()
    }

    /// All but the current one, which is not complete.
    fn past(&self) -> impl Iterator<Item = &Interval> {
        self.intervals.iter().map(Arc::as_ref).take(self.intervals.len().saturating_sub(1))
    }
}

impl Interval {
    /// The point of a worker id; none of one that has no room.
    fn point_mut(&mut self, worker_id: &WorkerId) -> Option<&mut Point> {
        match self.queues.contains_key(worker_id) || self.queues.len() < History::MAX_WORKER_IDS {
            true => Some(self.queues.entry(worker_id.clone()).or_default()),
            false => None,
        }
    }

    /// The point of a queue that it does not have.
    fn nothing(&self) -> Point {
        let none = self.was_read.then_some(0);
        Point { waiting: none, running: none, ..Point::default() }
    }

    /// What waits and runs, without what was done.
    fn held(&self) -> BTreeMap<WorkerId, Point> {
        let held =
            |point: &Point| Point { waiting: point.waiting, running: point.running, ..Point::default() };
        self.queues.iter().map(|(worker_id, point)| (worker_id.clone(), held(point))).collect()
    }
}

impl Point {
    fn set_ends(&mut self, ends: &[&ActivityEntry], covered: Duration) {
        let count = |is: fn(TaskStatus) -> bool| -> u64 {
            ends.iter().filter(|entry| is(entry.status)).count().try_into().unwrap_or(u64::MAX)
        };
        // A try that is repeated ended in an error too.
        self.errors = count(|status| matches!(status, TaskStatus::Error | TaskStatus::Pending));
        self.completed = count(|status| status == TaskStatus::Completed);
        self.times = Histogram::default();
        for time in ends.iter().filter_map(|entry| entry.run_time) {
            let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            self.times.add(Histogram::bucket_of(micros), 1);
        }
        self.covered = covered;
    }

    fn add(&mut self, other: &Self) {
        self.waiting = self.waiting.map(|waiting| waiting + other.waiting.unwrap_or(0));
        self.running = self.running.map(|running| running + other.running.unwrap_or(0));
        self.completed += other.completed;
        self.errors += other.errors;
        self.times.merge(&other.times);
        self.covered = match self.covered.is_zero() {
            true => other.covered,
            false if other.covered.is_zero() => self.covered,
            false => self.covered.min(other.covered),
        };
    }

    /// Of a count of the interval: how many that is in a second.
    pub(in crate::dashboard) fn per_second(&self, count: u64) -> f64 {
        match self.covered.is_zero() {
            true => 0.0,
            false => count as f64 / self.covered.as_secs_f64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rhai_dispatcher::TaskId;
    use rhai_dispatcher::activity::ActivityPosition;

    use super::*;

    fn log(now: u64, ends: &[u64]) -> LoggedActivity {
        let entry = |at: &u64| {
            let (status, at) = (TaskStatus::Completed, WallTime::from_millis(*at));
            let entry = ActivityEntry::new(TaskId::new(), id(), "a caller", status, at);
            (ActivityPosition::default(), entry)
        };
        LoggedActivity::new(WallTime::from_millis(now), ends.iter().map(entry).collect(), None)
    }

    fn id() -> WorkerId {
        WorkerId::try_from("a").expect("an id")
    }

    fn read(history: &mut History, now: u64, ends: &[u64], limit: usize) -> Vec<f64> {
        let from = history.begin(WallTime::from_millis(now));
        let ends: Vec<_> = ends.iter().copied().filter(|at| *at >= from.as_millis()).collect();
        history.add_ends(&id(), from, &log(now, &ends), limit);
        let rates = history.points(|_| true);
        let last = rates.len().saturating_sub(3);
        rates[last..].iter().map(|point| point.per_second(point.completed)).collect()
    }

    #[test]
    fn late_ends_are_counted_and_none_twice() {
        let (mut history, start) = (History::default(), 2_000_000);
        let ends = [start - 3_000, start - 1_000, start - 900];
        assert_eq!(read(&mut history, start + 100, &ends, 100), [0.0, 0.5, 1.0]);
        assert_eq!(history.times().len(), 299, "the first reading has the minutes before it");
        let ends = [start - 3_000, start - 1_000, start - 900, start + 1, start + 1_900];
        assert_eq!(read(&mut history, start + 2_100, &ends, 100), [0.5, 1.0, 1.0]);
        // An end of the interval before came late.
        let ends = [start - 1_000, start - 900, start + 1, start + 2, start + 1_900, start + 2_500];
        assert_eq!(read(&mut history, start + 4_100, &ends, 100), [1.0, 1.5, 0.5]);
        assert_eq!(history.times().len(), 299);
    }

    #[test]
    fn what_waits_is_known_about_the_time_in_which_it_was_read() {
        let (mut history, start) = (History::default(), 2_000_000);
        let mut read = |after: u64, delayed: usize| {
            history.begin(WallTime::from_millis(start + after));
            let mut queue = QueueInfo::empty(id());
            queue.delayed = delayed;
            history.add_queue(&queue);
            let points = history.points(|_| true);
            assert_eq!(
                history.points_of(&id()).last().map(|point| point.waiting),
                points.last().map(|point| point.waiting)
            );
            let last: Vec<_> = points[points.len() - 4..].iter().map(|point| point.waiting).collect();
            last
        };
        assert_eq!(read(0, 5), [None; 4]);
        assert_eq!(read(2_000, 6), [None, None, None, Some(5)]);
        // A page is read a little later each time.
        assert_eq!(read(6_000, 7), [None, Some(5), Some(6), Some(6)]);
        // No page is looked at for a while.
        assert_eq!(read(30_000, 8), [None; 4]);
        assert_eq!(read(32_000, 9), [None, None, None, Some(8)]);
    }

    #[test]
    fn worker_ids_have_a_bound() {
        let mut history = History::default();
        let begin = |history: &mut History, millis| history.begin(WallTime::from_millis(millis));
        begin(&mut history, 2_000_000);
        for number in 0..History::MAX_WORKER_IDS + 5 {
            let id = WorkerId::try_from(format!("worker-{number}")).expect("an id");
            history.add_queue(&QueueInfo::empty(id));
        }
        let from = begin(&mut history, 2_002_000);
        history.add_ends(&id(), from, &log(2_002_000, &[2_000_001]), 100);
        let counts: Vec<_> = history.intervals.iter().map(|interval| interval.queues.len()).collect();
        assert_eq!(counts.iter().max(), Some(&History::MAX_WORKER_IDS));
    }

    #[test]
    fn full_log_counts_for_the_time_that_it_has() {
        let (mut history, start) = (History::default(), 2_000_000);
        let ends: Vec<_> = (0..100).map(|number| start - 100 + number).collect();
        // 100 ends within 100 ms, and what was before is not known.
        assert_eq!(read(&mut history, start + 10, &ends, 100).last(), Some(&1_000.0));
    }
}
