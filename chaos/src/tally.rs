use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::Fault;

/// The results of a run.
#[derive(Debug, Default, Serialize)]
pub struct Tally {
    /// The seed of its plan.
    pub seed: u64,
    /// How long it took.
    pub seconds: u64,
    /// Servers that were started from nothing.
    pub rounds: usize,
    /// The faults.
    pub faults: BTreeMap<Fault, FaultTally>,
    /// The crash points: how often each was tried, and how often it fired.
    pub points: BTreeMap<String, PointTally>,
    /// Tasks whose acceptance was noted.
    pub accepted: usize,
    /// Records that the server wrote.
    pub records: usize,
    /// Starts of scripts.
    pub executions: usize,
    /// Accepted, and without an outcome.
    pub lost: usize,
    /// Accepted, and without the outcome that a process saw, where `appendfsync everysec` allows it.
    pub lost_everysec: usize,
    /// Waiters that received that.
    pub told_lost_everysec: usize,
    /// Tasks with more than one terminal write.
    pub outcomes_twice: usize,
    /// Tasks of which two processes saw different outcomes.
    pub outcomes_different: usize,
    /// Waits.
    pub waits: usize,
    /// Waits that did not end, or long after the outcome.
    pub hung: usize,
    /// How long after the outcome the latest waiter was told, outages left out.
    pub latest_wait_ms: u64,
    /// Starts beyond those that a task takes without a fault.
    pub executed_twice: usize,
    /// Tasks started again that no fault had touched.
    pub unexplained_twice: usize,
    /// Tasks in flight with the processes that a fault struck, over all faults.
    pub in_flight_at_faults: usize,
    /// Deaths of workers whose tasks ran elsewhere, while the server was there.
    pub take_overs: usize,
    /// The longest time from such a death until the first of its tasks ran elsewhere.
    pub longest_notice_ms: u64,
    /// The longest time from such a death until the last of its tasks ran elsewhere.
    pub longest_take_over_ms: u64,
    /// How many tasks ran when the server was paused, each time.
    pub running_at_pauses: Vec<usize>,
    /// How many tasks waited with a poison task when it was let loose, each time.
    pub waiting_with_poison: Vec<usize>,
    /// Tasks that were blamed for a death that another one caused.
    pub innocents_crashed: usize,
    /// Processes that ended without being made to, or did not end.
    pub unexpected: usize,
    /// Calls that failed as unavailable, and were repeated.
    pub failed_calls: usize,
    /// Some of their texts.
    pub failures: Vec<String>,
    /// Broken promises, in detail.
    pub details: Vec<String>,
}

/// How often a fault struck.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct FaultTally {
    /// In total.
    pub struck: usize,
    /// While tasks were in flight.
    pub landed: usize,
}

/// How often a crash point was tried.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct PointTally {
    /// All in all.
    pub tried: usize,
    /// The process died there.
    pub fired: usize,
}

impl Tally {
    /// How long a take-over may last.
    pub const LONGEST_TAKE_OVER_MS: u64 = 5_000;

    /// How many details are kept.
    const DETAILS: usize = 40;

    /// Notes a broken promise.
    pub fn note(&mut self, detail: String) {
        if self.details.len() < Self::DETAILS {
            self.details.push(detail);
        }
    }

    /// Notes a try of a crash point.
    pub fn point(&mut self, point: &str, fired: bool) {
        let count = self.points.entry(point.to_owned()).or_default();
        count.tried += 1;
        count.fired += usize::from(fired);
    }

    /// The broken promises, as sentences; `least` is how often each fault has to land, and `crowd` how
    /// many tasks have to run when the server is paused, or to wait with a poison task.
    #[must_use]
    pub fn verdict(&self, least: impl Fn(Fault) -> usize, crowd: usize) -> Vec<String> {
        let mut broken = Vec::new();
        for (what, counts) in [
            ("ran when the server was paused", &self.running_at_pauses),
            ("waited with a poison task", &self.waiting_with_poison),
        ] {
            let few = counts.iter().filter(|count| **count < crowd);
            broken.extend(few.map(|count| format!("{count} tasks {what}, and {crowd} are needed")));
        }
        let zeros = [
            ("tasks lost", self.lost),
            ("outcomes written twice", self.outcomes_twice),
            ("outcomes that differ", self.outcomes_different),
            ("waiters hung", self.hung),
            ("executed twice without a fault", self.unexplained_twice),
            ("innocent tasks blamed", self.innocents_crashed),
            ("processes with an unexpected end, or none", self.unexpected),
        ];
        broken.extend(
            zeros.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{what}: {count}")),
        );
        if self.executed_twice > self.in_flight_at_faults {
            broken.push("more tasks were executed twice than were in flight at a fault".to_owned());
        }
        if self.longest_take_over_ms >= Self::LONGEST_TAKE_OVER_MS {
            broken.push(format!("a take-over lasted {} ms", self.longest_take_over_ms));
        }
        for fault in Fault::all() {
            let least = least(fault);
            let landed = self.faults.get(&fault).map_or(0, |count| count.landed);
            if landed < least {
                broken.push(format!("{fault}: landed {landed} times, and {least} are needed"));
            }
        }
        let silent = self.points.iter().filter(|(_, count)| count.fired == 0);
        broken.extend(
            silent.map(|(point, count)| {
                format!("crash point {point}: tried {} times, never fired", count.tried)
            }),
        );
        broken
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {} s, {} rounds", self.seed, self.seconds, self.rounds)?;
        writeln!(f, "{:<32} {:>7} {:>7}", "fault", "struck", "landed")?;
        for (fault, count) in &self.faults {
            writeln!(f, "{fault:<32} {:>7} {:>7}", count.struck, count.landed)?;
        }
        writeln!(f, "{:<32} {:>7} {:>7}", "crash point", "tried", "fired")?;
        for (point, count) in &self.points {
            writeln!(f, "{point:<32} {:>7} {:>7}", count.tried, count.fired)?;
        }
        let lines = [
            ("tasks accepted", self.accepted as u64),
            ("records", self.records as u64),
            ("executions", self.executions as u64),
            ("lost", self.lost as u64),
            ("lost with everysec", self.lost_everysec as u64),
            ("waiters told so", self.told_lost_everysec as u64),
            ("outcomes written twice", self.outcomes_twice as u64),
            ("outcomes that differ", self.outcomes_different as u64),
            ("waits", self.waits as u64),
            ("waiters hung", self.hung as u64),
            ("latest waiter, ms", self.latest_wait_ms),
            ("executed twice", self.executed_twice as u64),
            ("of these without a fault", self.unexplained_twice as u64),
            ("in flight at a fault", self.in_flight_at_faults as u64),
            ("deaths with take-over", self.take_overs as u64),
            ("until its first task, ms", self.longest_notice_ms),
            ("longest take-over, ms", self.longest_take_over_ms),
            ("innocent tasks blamed", self.innocents_crashed as u64),
            ("ran when the server was paused", least_of(&self.running_at_pauses)),
            ("waited with a poison task", least_of(&self.waiting_with_poison)),
            ("calls repeated", self.failed_calls as u64),
        ];
        for (what, count) in lines {
            writeln!(f, "{what:<32} {count:>7}")?;
        }
        Ok(())
    }
}

/// The smallest count, which held each time.
fn least_of(counts: &[usize]) -> u64 {
    counts.iter().min().copied().unwrap_or_default() as u64
}
