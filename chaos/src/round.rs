use std::io;
use std::time::Duration;

use rhai_dispatcher_test_redis::{Direction, FaultyProxy};
use rustix::process::Signal;

use crate::fault::{Fault, Hit, Target};
use crate::journal::now;
use crate::plan::{RoundPlan, Step};
use crate::process::signal;
use crate::{Process, Stage};

/// Carries a round's plan out.
#[derive(Debug)]
pub struct Round {
    plan: RoundPlan,
    stage: Stage,
    random: fastrand::Rng,
    /// Crash points, and whether they fired.
    points: Vec<(&'static str, bool)>,
}

/// How long a worker is stopped: its lease is 2.5 s.
const STOPPED: Duration = Duration::from_secs(4);

/// How long a take-over may last, with a reserve: until then the next fault waits.
const RECOVERY: Duration = Duration::from_secs(4);

/// How long everybody gets to find back after a fault that killed nobody.
const SETTLE: Duration = Duration::from_millis(1_500);

/// How much a machine that fails may lose with `appendfsync everysec`. The death of the server alone
/// would lose next to nothing: the system still has what the server wrote.
const UNSYNCED: Duration = Duration::from_millis(900);

/// How long a crowd gets to come to its end.
const CROWD_LEAVES: Duration = Duration::from_secs(40);

/// How many tasks a supervised child runs at least when it is killed.
const CHILD_RUNS: usize = 20;

/// How many tasks a submitter submits that is to trim its inbox.
const TRIMMED: usize = 3_000;

/// How long a crash point gets to be passed.
const POINT_PATIENCE: Duration = Duration::from_secs(8);

/// How many tasks of half a second are submitted for a worker that is to hand some back.
const HANDED_BACK: usize = 40;

/// How many takers-over a crash in a take-over is tried with.
const TAKE_OVERS: usize = 4;

/// How long a black hole lasts: longer than a lease.
const HOLE: Duration = Duration::from_millis(3_500);

/// How long a network is slow.
const SLOW: Duration = Duration::from_secs(5);

/// How long a server's disk or memory is full.
const FULL: Duration = Duration::from_secs(10);

/// Until when every process has noticed that its sockets are dead: a read that blocks for 2 s, and half of a call
/// timeout.
const NOTICED: Duration = Duration::from_millis(4_500);

/// How long everything gets to end: longer than any wait.
const DRAIN: Duration = Duration::from_secs(75);

impl Round {
    /// Starts the processes.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(plan: RoundPlan) -> io::Result<Self> {
        let stage = Stage::open(plan.fsync, plan.seed)?;
        let random = fastrand::Rng::with_seed(plan.seed);
        Ok(Self { plan, stage, random, points: Vec::new() })
    }

    /// Does what the plan says, and lets everything end. `report` is told of each step.
    ///
    /// # Errors
    /// What the system says.
    pub fn run(mut self, mut report: impl FnMut(String)) -> io::Result<(Stage, Vec<(&'static str, bool)>)> {
        for step in self.plan.steps.clone() {
            // A fault that strikes nobody shows nothing.
            self.stage.until(POINT_PATIENCE, |stage| stage.running() > 0)?;
            let running = self.stage.running();
            match step {
                Step::Calm(seconds) => self.stage.pass(Duration::from_secs(seconds))?,
                Step::Fault(fault) => self.strike(fault)?,
                Step::Crash(point) => {
                    let fired = self.crash(point)?;
                    self.points.push((point, fired));
                }
            }
            let open = self.stage.ledger.open();
            report(format!("{step:?}: {running} ran before it, {open} are open after it"));
        }
        self.stage.drain(DRAIN)?;
        Ok((self.stage, self.points))
    }

    fn strike(&mut self, fault: Fault) -> io::Result<()> {
        match fault {
            Fault::WorkerKill => {
                self.kill_worker()?;
                self.stage.pass(RECOVERY)
            }
            Fault::ChildKill => self.kill_child(),
            Fault::WorkerStop => {
                let index = self.stage.busiest_worker()?;
                let (pid, at) = (self.stage.workers[index].pid(), now());
                self.stage.workers[index].stop();
                self.stage.pass(STOPPED)?;
                // A poison task may have had it replaced.
                if let Some(worker) = self.stage.workers.iter().find(|worker| worker.pid() == pid) {
                    worker.resume();
                }
                self.hit(fault, at, Target::Worker { pid, dead: false });
                self.stage.pass(SETTLE)
            }
            Fault::ServerKill | Fault::ServerKillEverysec => {
                let size = self.stage.ledger.size()?;
                let may_lose = fault == Fault::ServerKillEverysec;
                if may_lose {
                    self.stage.pass(UNSYNCED)?;
                }
                let at = now();
                self.stage.kill_server();
                if may_lose {
                    self.stage.ledger.truncate(size)?;
                }
                let away = Duration::from_millis(self.random.u64(50..1_500));
                self.stage.pass(away)?;
                self.stage.restart_server();
                self.hit(fault, at, Target::Everybody);
                self.stage.pass(SETTLE * 2)
            }
            Fault::ServerPause => {
                let crowd = self.plan.crowd;
                self.stage.burst(crowd, &["--seconds", "8"])?;
                // All of them at the same time: the first must not have ended before the last begins.
                self.stage.until(Duration::from_secs(7), |stage| stage.running_long() >= crowd)?;
                let at = now();
                self.stage.pause_server();
                self.stage.pass(self.plan.pause)?;
                self.stage.resume_server();
                self.hit(fault, at, Target::Everybody);
                self.stage.pass(SETTLE)?;
                // A worker that died now would leave hundreds of suspects, of some seconds each.
                self.stage.until(CROWD_LEAVES, |stage| stage.bursts.is_empty()).map(drop)
            }
            Fault::Cut => {
                let at = now();
                let all = self.random.bool();
                let random = &mut self.random;
                self.stage.cut(|| all || random.bool()).map_err(io::Error::other)?;
                self.hit(fault, at, Target::Everybody);
                self.stage.pass(SETTLE)
            }
            Fault::SubmitterKill => {
                let index = self.random.usize(..self.stage.submitters.len());
                let mut submitter = self.stage.start_submitter(None, None)?;
                std::mem::swap(&mut submitter, &mut self.stage.submitters[index]);
                let at = now();
                submitter.kill();
                self.hit(fault, at, Target::Submitter(submitter.pid()));
                self.stage.pass(SETTLE)
            }
            Fault::Poison => {
                // Its hits are noted as its workers die.
                self.stage.burst(self.plan.crowd, &["--poison"])?;
                // What it left is to run again before another fault, or its crowd, is in the way.
                self.stage.until(CROWD_LEAVES, |stage| stage.bursts.is_empty()).map(drop)
            }
            Fault::BlackHole => {
                let index = self.stage.busiest_worker()?;
                let (pid, at) = (self.stage.workers[index].pid(), now());
                self.on_way(pid, |way| {
                    way.black_hole(Direction::ToServer);
                    way.black_hole(Direction::ToClient);
                });
                self.stage.pass(HOLE)?;
                self.on_way(pid, FaultyProxy::heal);
                self.hit(fault, at, Target::Worker { pid, dead: false });
                self.stage.pass(SETTLE)
            }
            Fault::BlackHoleOneWay => {
                let to_server = self.random.bool();
                let direction = if to_server { Direction::ToServer } else { Direction::ToClient };
                let at = now();
                self.stage.network.black_hole(direction);
                self.stage.pass(HOLE)?;
                self.stage.network.heal();
                self.hit(fault, at, Target::Everybody);
                self.stage.pass(SETTLE * 2)
            }
            Fault::HalfOpen => {
                let at = now();
                self.stage.network.ways().for_each(FaultyProxy::half_open);
                // Until the last has noticed; see the bounds of the transport.
                self.stage.pass(NOTICED)?;
                self.hit(fault, at, Target::Everybody);
                self.stage.pass(SETTLE)
            }
            Fault::Latency | Fault::LongLatency => {
                let is_long = fault == Fault::LongLatency;
                let latency = if is_long { Duration::from_secs(1) } else { Duration::from_millis(50) };
                let at = now();
                self.stage.network.ways().for_each(|way| way.set_latency(latency));
                self.stage.pass(SLOW)?;
                self.stage.network.heal();
                self.hit(fault, at, Target::Everybody);
                self.stage.pass(SETTLE)
            }
            Fault::Failover => {
                self.stage.network.prepare_failover()?;
                let at = now();
                for back in [false, true] {
                    self.stage.network.fail_over(back)?;
                    self.stage.pass(SETTLE * 2)?;
                }
                self.hit(fault, at, Target::Everybody);
                Ok(())
            }
            Fault::DiskFull => {
                let at = now();
                self.stage.network.set_disk_full(true)?;
                self.stage.pass(FULL)?;
                self.stage.network.set_disk_full(false)?;
                self.hit(fault, at, Target::Everybody);
                self.stage.pass(SETTLE)
            }
            Fault::MemoryFull => {
                let at = now();
                self.stage.network.set_memory_full(true);
                self.stage.pass(FULL)?;
                self.stage.network.set_memory_full(false);
                self.hit(fault, at, Target::Everybody);
                self.stage.pass(SETTLE)
            }
            Fault::ClockJump => {
                let at = now();
                self.stage.advance_clock();
                self.hit(fault, at, Target::Everybody);
                self.stage.pass(SETTLE * 2)
            }
            Fault::CrashPoint => Ok(()), // comes as a step of its own
        }
    }

    /// Does something to the way of a worker, which may have been replaced meanwhile.
    fn on_way(&self, worker: u32, change: impl FnOnce(&FaultyProxy)) {
        if let Some(way) = self.stage.network.way(worker) {
            change(way);
        }
    }

    fn kill_worker(&mut self) -> io::Result<()> {
        let mut worker = self.stage.start_worker(None)?;
        let index = self.stage.busiest_worker()?;
        std::mem::swap(&mut worker, &mut self.stage.workers[index]);
        let at = now();
        worker.kill();
        self.hit(Fault::WorkerKill, at, Target::Worker { pid: worker.pid(), dead: true });
        Ok(())
    }

    /// Kills the child of a supervised worker, and lets the next child end in order.
    fn kill_child(&mut self) -> io::Result<()> {
        let mut worker = self.stage.start_supervised()?;
        let mut child = None;
        self.stage.until(POINT_PATIENCE, |stage| {
            child = worker.child().filter(|child| stage.has_begun(*child));
            child.is_some()
        })?;
        self.stage.burst(self.plan.crowd, &["--seconds", "0.5"])?;
        if let Some(pid) = child {
            self.stage.until(POINT_PATIENCE, |stage| stage.running_on(pid) >= CHILD_RUNS)?;
            let at = now();
            signal(pid, Signal::KILL);
            self.hit(Fault::ChildKill, at, Target::Worker { pid, dead: true });
        }
        self.stage.pass(RECOVERY)?;
        let next = worker.child();
        if next.is_none() || next == child {
            self.stage
                .unexpected
                .push(format!("the child {child:?} of a supervised worker was not restarted"));
        }
        worker.drain();
        if !self.stage.until(CROWD_LEAVES, |_| worker.ended().is_some())? || worker.ended() != Some(0) {
            self.stage.unexpected.push("a supervised worker did not end in order".to_owned());
        }
        self.stage.until(CROWD_LEAVES, |stage| stage.bursts.is_empty()).map(drop)
    }

    /// Makes a process die at `point`; whether it did.
    fn crash(&mut self, point: &'static str) -> io::Result<bool> {
        let often = ["claim.", "finish.", "submit.", "inbox.after_read"];
        let nth = if often.iter().any(|name| point.starts_with(name)) { self.random.u32(1..10) } else { 1 };
        let variable = format!("{point}:{nth}");
        let by_submitter = ["submit.", "cancel.", "inbox."].iter().any(|name| point.starts_with(name));
        if by_submitter {
            let burst = point.starts_with("inbox.after_trim").then_some(TRIMMED);
            let submitter = self.stage.start_submitter(burst, Some(&variable))?;
            return self.await_crash(submitter, u64::MAX, true);
        }
        let mut worker = self.stage.start_worker(Some(&variable))?;
        let mut since = u64::MAX;
        if point.starts_with("release.") || point.starts_with("detach.") {
            // It needs something to hand back that is not about to end, and to be given some of it has to
            // be there. It may also hand a task back, and die, before it is asked to end.
            let pid = worker.pid();
            let mut dead_or = |stage: &mut Stage, done: fn(&Stage, u32) -> bool| {
                stage.until(POINT_PATIENCE, |stage| worker.ended().is_some() || done(stage, pid))
            };
            dead_or(&mut self.stage, Stage::has_begun)?;
            self.stage.burst(HANDED_BACK, &["--seconds", "0.5"])?;
            dead_or(&mut self.stage, Stage::has_just_begun)?;
            // What it hands back runs elsewhere before it is dead.
            since = now();
            worker.drain();
        }
        if point.starts_with("take_over.") {
            for _ in 0..TAKE_OVERS {
                self.kill_worker()?;
                if self.stage.until(RECOVERY, |_| worker.ended().is_some())? {
                    break;
                }
            }
        }
        self.await_crash(worker, since, false)
    }

    fn await_crash(&mut self, mut process: Process, since: u64, is_submitter: bool) -> io::Result<bool> {
        let ended = self.stage.until(POINT_PATIENCE, |_| process.ended().is_some())?;
        let at = now().min(since);
        let pid = process.pid();
        // Whatever happens to it, its tasks have to come to an end.
        process.kill();
        let target = if is_submitter { Target::Submitter(pid) } else { Target::Worker { pid, dead: true } };
        // A poison task would abort it instead.
        let fired = ended && process.ended() == Some(rustix::process::Signal::KILL.as_raw());
        self.hit(Fault::CrashPoint, at, target);
        self.stage.pass(if is_submitter { SETTLE } else { RECOVERY })?;
        Ok(fired)
    }

    fn hit(&mut self, fault: Fault, at: u64, target: Target) {
        self.stage.strike(Hit { fault, at, until: now(), target });
    }
}
