use std::time::Duration;

use rhai_dispatcher_redis::CRASH_POINTS;

use crate::Fault;

/// The faults of a run, as its seed decides.
#[derive(Debug)]
pub struct Plan {
    random: fastrand::Rng,
    brief: bool,
    /// The only fault of the run, if it was limited to one.
    only: Option<Fault>,
    /// How many cycles of all faults a round has.
    cycles: usize,
    rounds: usize,
    /// The crash points that are still to come.
    points: Vec<&'static str>,
}

/// One round: a new server, and faults one after another.
#[derive(Debug, Clone)]
pub struct RoundPlan {
    /// The server's `appendfsync`.
    pub fsync: &'static str,
    /// Its steps, in order.
    pub steps: Vec<RoundStep>,
    /// How many tasks are to run when the server is paused, and wait beside a poison task.
    pub crowd: usize,
    /// How long the server is paused.
    pub pause: Duration,
    /// What decides the rest.
    pub seed: u64,
}

/// One step of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundStep {
    /// No fault for so many seconds.
    Calm(u64),
    /// A fault.
    Fault(Fault),
    /// A crash at that point.
    Crash(&'static str),
}

/// How many tasks a crowd has.
const CROWD: usize = 1_000;

/// How many cycles of all faults a round has at most: a server's file, which it reads at each start,
/// stays small.
const CYCLES: u64 = 4;

/// How many minutes of a run there are to each of them: a short run has all sorts of rounds, too.
const MINUTES_PER_CYCLE: u64 = 5;

/// How long the first round has no fault, in seconds: no task may be executed twice then.
const CALM: u64 = 10;

/// How often the fault strikes in a round that is limited to it.
const ALONE: usize = 8;

/// How many crash points a cycle has.
const POINTS: usize = 2;

impl Plan {
    /// The plan of that seed for a run of so many minutes; without them it is brief, and has each
    /// fault once.
    #[must_use]
    pub fn new(seed: u64, minutes: Option<u64>) -> Self {
        let cycles = minutes.map_or(1, |minutes| (minutes / MINUTES_PER_CYCLE).clamp(1, CYCLES));
        Self {
            random: fastrand::Rng::with_seed(seed),
            brief: minutes.is_none(),
            only: None,
            cycles: usize::try_from(cycles).unwrap_or(1),
            rounds: 0,
            points: Vec::new(),
        }
    }

    /// A plan of no other faults than this one.
    #[must_use]
    pub fn only(mut self, fault: Option<Fault>) -> Self {
        self.only = fault;
        self
    }

    /// The next round; a brief run has one of each sort.
    pub fn next_round(&mut self) -> RoundPlan {
        self.rounds += 1;
        let everysec = match self.only {
            Some(fault) => fault == Fault::ServerKillEverysec,
            None => self.rounds.is_multiple_of(2),
        };
        let mut steps = Vec::new();
        if let Some(fault) = self.only {
            steps.extend((0..ALONE).map(|_| self.step(fault)));
        } else if everysec {
            let kills = if self.brief { 1 } else { self.cycles + 1 };
            steps.resize(kills, RoundStep::Fault(Fault::ServerKillEverysec));
        } else {
            if !self.brief && self.rounds == 1 {
                steps.push(RoundStep::Calm(CALM));
            }
            for _ in 0..self.cycles {
                let mut cycle = self.cycle();
                self.random.shuffle(&mut cycle);
                steps.extend(cycle);
            }
        }
        RoundPlan {
            fsync: if everysec { "everysec" } else { "always" },
            steps,
            crowd: self.crowd(),
            pause: Duration::from_secs(if self.brief { 4 } else { 10 }),
            seed: self.random.u64(..),
        }
    }

    /// How many tasks are to run when the server is paused, or wait beside a poison task.
    #[must_use]
    pub const fn crowd(&self) -> usize {
        if self.brief { CROWD / 5 } else { CROWD }
    }

    /// How many rounds a brief run has.
    #[must_use]
    pub const fn brief_rounds() -> usize {
        2
    }

    fn cycle(&mut self) -> Vec<RoundStep> {
        let mut cycle = Vec::new();
        for fault in Fault::CYCLE {
            let times = if fault == Fault::CrashPoint && !self.brief { POINTS } else { 1 };
            cycle.extend((0..times).map(|_| self.step(fault)));
        }
        cycle
    }

    fn step(&mut self, fault: Fault) -> RoundStep {
        match fault {
            Fault::CrashPoint => RoundStep::Crash(self.next_point()),
            fault => RoundStep::Fault(fault),
        }
    }

    fn next_point(&mut self) -> &'static str {
        if self.points.is_empty() {
            self.points = CRASH_POINTS.to_vec();
            self.random.shuffle(&mut self.points);
            // The point that reveals a wrong order of a finish's steps comes first: a short run has few points.
            self.points.sort_by_key(|point| *point == "finish.before");
        }
        self.points.pop().unwrap_or_default()
    }
}
