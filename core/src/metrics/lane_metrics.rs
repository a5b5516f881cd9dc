use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::{Claimed, Tick, WorkerId};

/// What one lane counts. Starts are gathered, and told whenever the lane has done what there was to do.
#[derive(Debug)]
pub(crate) struct LaneMetrics {
    started: Counter,
    taken_over: Counter,
    running: Gauge,
    queue_seconds: Histogram,
    seconds: Histogram,
    lanes: Gauge,
    busy: Histogram,
    /// Starts that are not in the counters.
    new_starts: u64,
    new_taken_over: u64,
    /// How many of its tasks are in the gauge.
    shown_running: usize,
    busy_since: Tick,
}

/// A lane that does not rest is told as busy in parts, so that its utilisation shows at the next scrape.
const LONGEST_PART: Duration = Duration::from_millis(100);

impl LaneMetrics {
    pub(crate) fn new(worker_id: &WorkerId) -> Self {
        let id = || worker_id.to_string();
        let lanes = gauge!("rhai_lanes", "worker_id" => id());
        lanes.increment(1.0);
        Self {
            started: counter!("rhai_tasks_started_total", "worker_id" => id()),
            taken_over: counter!("rhai_tasks_taken_over_total", "worker_id" => id()),
            running: gauge!("rhai_tasks_running", "worker_id" => id()),
            queue_seconds: histogram!("rhai_task_queue_seconds", "worker_id" => id()),
            seconds: histogram!("rhai_task_seconds", "worker_id" => id()),
            lanes,
            busy: histogram!("rhai_lane_busy_seconds", "worker_id" => id()),
            new_starts: 0,
            new_taken_over: 0,
            shown_running: 0,
            busy_since: Tick::default(),
        }
    }

    /// The lane begins a task.
    pub(crate) fn begin(&mut self, claimed: &Claimed) {
        self.new_starts += 1;
        // Each try has a start of its own; further ones follow a loss.
        self.new_taken_over += u64::from(claimed.claim.delivery > claimed.attempt + 1);
        if let Some(waited) = claimed.queue_time {
            self.queue_seconds.record(waited);
        }
    }

    /// A task has ended.
    pub(crate) fn end(&self, took: Duration) {
        self.seconds.record(took);
    }

    /// The lane was woken.
    pub(crate) fn wake(&mut self, now: Tick) {
        self.busy_since = now;
    }

    /// The lane is at work, and has so many tasks.
    pub(crate) fn tick(&mut self, now: Tick, running: usize) {
        if now - self.busy_since >= LONGEST_PART {
            self.rest(now, running);
        }
    }

    /// The lane rests, and has so many tasks.
    pub(crate) fn rest(&mut self, now: Tick, running: usize) {
        self.busy.record(now - self.busy_since);
        self.busy_since = now;
        if self.new_starts > 0 {
            self.started.increment(std::mem::take(&mut self.new_starts));
        }
        if self.new_taken_over > 0 {
            self.taken_over.increment(std::mem::take(&mut self.new_taken_over));
        }
        if running != self.shown_running {
            self.running.increment(running as f64 - self.shown_running as f64);
            self.shown_running = running;
        }
    }
}

impl Drop for LaneMetrics {
    fn drop(&mut self) {
        self.lanes.decrement(1.0);
        self.running.decrement(self.shown_running as f64);
    }
}
