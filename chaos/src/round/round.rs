use std::io;
use std::time::Duration;

use rhai_dispatcher_test_redis::{Direction, FaultyProxy};
use rustix::process::Signal;

use super::times::{POINT_PATIENCE, RECOVERY, SETTLE};
use crate::Fixture;
use crate::fault::{Fault, FaultTarget, Hit};
use crate::journal::now;
use crate::plan::{RoundPlan, RoundStep};
use crate::process::signal;

/// Executes the plan of a round.
#[derive(Debug)]
pub struct Round {
    plan: RoundPlan,
    pub(super) fixture: Fixture,
    pub(super) random: fastrand::Rng,
    /// Crash points, and whether they fired.
    points: Vec<(&'static str, bool)>,
}

/// How long a worker is stopped: its lease is 2.5 s.
const STOPPED: Duration = Duration::from_secs(4);

/// The time whose writes a failing machine may lose with `appendfsync everysec`. The death of the server alone
/// would lose next to nothing: the system still has what the server wrote.
const UNSYNCED: Duration = Duration::from_millis(900);

/// How long a crowd of tasks gets to end.
const CROWD_LEAVES: Duration = Duration::from_secs(40);

/// How many tasks a supervised child runs at least when it is killed.
const CHILD_RUNS: usize = 20;

/// How long a black hole lasts: longer than a lease.
const HOLE: Duration = Duration::from_millis(3_500);

/// How long a network is slow.
const SLOW: Duration = Duration::from_secs(5);

/// How long a server's disk or memory is full.
const FULL: Duration = Duration::from_secs(10);

/// The time in which every process notices that its sockets are dead: a read that blocks for 2 s, and half of a call
/// timeout.
const NOTICED: Duration = Duration::from_millis(4_500);

/// How long all processes get to end: longer than any wait.
const DRAIN: Duration = Duration::from_secs(75);

impl Round {
    /// Starts the processes.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(plan: RoundPlan) -> io::Result<Self> {
        let fixture = Fixture::open(plan.fsync, plan.seed)?;
        let random = fastrand::Rng::with_seed(plan.seed);
        Ok(Self { plan, fixture, random, points: Vec::new() })
    }

    /// Executes the plan, and ends all processes. `report` is called after each step.
    ///
    /// # Errors
    /// What the system says.
    pub fn run(mut self, mut report: impl FnMut(String)) -> io::Result<(Fixture, Vec<(&'static str, bool)>)> {
        for step in self.plan.steps.clone() {
            // A fault that strikes no running task tests nothing.
            self.fixture.until(POINT_PATIENCE, |fixture| fixture.running() > 0)?;
            let running = self.fixture.running();
            match step {
                RoundStep::Calm(seconds) => self.fixture.pass(Duration::from_secs(seconds))?,
                RoundStep::Fault(fault) => self.strike(fault)?,
                RoundStep::Crash(point) => {
                    let fired = self.crash(point)?;
                    self.points.push((point, fired));
                }
            }
            let open = self.fixture.ledger.open();
            report(format!("{step:?}: {running} ran before it, {open} are open after it"));
        }
        self.fixture.drain(DRAIN)?;
        Ok((self.fixture, self.points))
    }

    fn strike(&mut self, fault: Fault) -> io::Result<()> {
        match fault {
            Fault::WorkerKill => {
                self.kill_worker()?;
                self.fixture.pass(RECOVERY)
            }
            Fault::ChildKill => self.kill_child(),
            Fault::WorkerStop => {
                let index = self.fixture.busiest_worker()?;
                let (pid, at) = (self.fixture.workers[index].pid(), now());
                self.fixture.workers[index].stop();
                self.fixture.pass(STOPPED)?;
                // A poison task may have had it replaced.
                if let Some(worker) = self.fixture.workers.iter().find(|worker| worker.pid() == pid) {
                    worker.resume();
                }
                self.hit(fault, at, FaultTarget::Worker { pid, dead: false });
                self.fixture.pass(SETTLE)
            }
            Fault::ServerKill | Fault::ServerKillEverysec => {
                let size = self.fixture.ledger.size()?;
                let may_lose = fault == Fault::ServerKillEverysec;
                if may_lose {
                    self.fixture.pass(UNSYNCED)?;
                }
                let at = now();
                self.fixture.kill_server();
                if may_lose {
                    self.fixture.ledger.truncate(size)?;
                }
                let away = Duration::from_millis(self.random.u64(50..1_500));
                self.fixture.pass(away)?;
                self.fixture.restart_server();
                self.hit(fault, at, FaultTarget::Server);
                self.fixture.pass(SETTLE * 2)
            }
            Fault::ServerPause => {
                let crowd = self.plan.crowd;
                self.fixture.burst(crowd, &["--seconds", "8"])?;
                // All of them at the same time: the first must not have ended before the last begins.
                self.fixture.until(Duration::from_secs(7), |fixture| fixture.running_long() >= crowd)?;
                let at = now();
                self.fixture.pause_server();
                self.fixture.pass(self.plan.pause)?;
                self.fixture.resume_server();
                self.hit(fault, at, FaultTarget::Server);
                self.fixture.pass(SETTLE)?;
                // A worker that died now would leave hundreds of quarantined tasks, of some seconds each.
                self.fixture.until(CROWD_LEAVES, |fixture| fixture.bursts.is_empty()).map(drop)
            }
            Fault::Cut => {
                let at = now();
                let all = self.random.bool();
                let random = &mut self.random;
                self.fixture.cut(|| all || random.bool()).map_err(io::Error::other)?;
                self.hit(fault, at, FaultTarget::Server);
                self.fixture.pass(SETTLE)
            }
            Fault::SubmitterKill => {
                let index = self.random.usize(..self.fixture.submitters.len());
                let mut submitter = self.fixture.start_submitter(None)?;
                std::mem::swap(&mut submitter, &mut self.fixture.submitters[index]);
                let at = now();
                submitter.kill();
                self.hit(fault, at, FaultTarget::Submitter(submitter.pid()));
                self.fixture.pass(SETTLE)
            }
            Fault::Poison => {
                // Its hits are noted as its workers die.
                self.fixture.burst(self.plan.crowd, &["--poison"])?;
                // Its tasks run again before the next fault or crowd begins.
                self.fixture.until(CROWD_LEAVES, |fixture| fixture.bursts.is_empty()).map(drop)
            }
            Fault::BlackHole => {
                let index = self.fixture.busiest_worker()?;
                let (pid, at) = (self.fixture.workers[index].pid(), now());
                self.on_proxy(pid, |proxy| {
                    proxy.black_hole(Direction::ToServer);
                    proxy.black_hole(Direction::ToClient);
                });
                self.fixture.pass(HOLE)?;
                self.on_proxy(pid, FaultyProxy::heal);
                self.hit(fault, at, FaultTarget::Worker { pid, dead: false });
                self.fixture.pass(SETTLE)
            }
            Fault::BlackHoleOneWay => {
                let to_server = self.random.bool();
                let direction = if to_server { Direction::ToServer } else { Direction::ToClient };
                let at = now();
                self.fixture.network.black_hole(direction);
                self.fixture.pass(HOLE)?;
                self.fixture.network.heal();
                self.hit(fault, at, FaultTarget::Server);
                self.fixture.pass(SETTLE * 2)
            }
            Fault::HalfOpen => {
                let at = now();
                self.fixture.network.proxies().for_each(FaultyProxy::half_open);
                // Until the last process has noticed; see `NOTICED`.
                self.fixture.pass(NOTICED)?;
                self.hit(fault, at, FaultTarget::Server);
                self.fixture.pass(SETTLE)
            }
            Fault::Latency | Fault::LongLatency => {
                let is_long = fault == Fault::LongLatency;
                let latency = if is_long { Duration::from_secs(1) } else { Duration::from_millis(50) };
                let at = now();
                self.fixture.network.proxies().for_each(|proxy| proxy.set_latency(latency));
                self.fixture.pass(SLOW)?;
                self.fixture.network.heal();
                self.hit(fault, at, FaultTarget::Server);
                self.fixture.pass(SETTLE)
            }
            Fault::Failover => {
                self.fixture.network.prepare_failover()?;
                let at = now();
                for back in [false, true] {
                    self.fixture.network.fail_over(back)?;
                    self.fixture.pass(SETTLE * 2)?;
                }
                self.hit(fault, at, FaultTarget::Server);
                Ok(())
            }
            Fault::DiskFull => {
                let at = now();
                self.fixture.network.set_disk_full(true)?;
                self.fixture.pass(FULL)?;
                self.fixture.network.set_disk_full(false)?;
                self.hit(fault, at, FaultTarget::Server);
                self.fixture.pass(SETTLE)
            }
            Fault::MemoryFull => {
                let at = now();
                self.fixture.network.set_memory_full(true);
                self.fixture.pass(FULL)?;
                self.fixture.network.set_memory_full(false);
                self.hit(fault, at, FaultTarget::Server);
                self.fixture.pass(SETTLE)
            }
            Fault::ClockJump => {
                let at = now();
                self.fixture.advance_clock();
                self.hit(fault, at, FaultTarget::Server);
                self.fixture.pass(SETTLE * 2)
            }
            Fault::CrashPoint => Ok(()), // comes as a step of its own
        }
    }

    /// Calls `change` with the proxy of a worker, unless that was replaced meanwhile.
    fn on_proxy(&self, worker: u32, change: impl FnOnce(&FaultyProxy)) {
        if let Some(proxy) = self.fixture.network.proxy(worker) {
            change(proxy);
        }
    }

    pub(super) fn kill_worker(&mut self) -> io::Result<()> {
        let mut worker = self.fixture.start_worker(None)?;
        let index = self.fixture.busiest_worker()?;
        std::mem::swap(&mut worker, &mut self.fixture.workers[index]);
        let at = now();
        worker.kill();
        self.hit(Fault::WorkerKill, at, FaultTarget::Worker { pid: worker.pid(), dead: true });
        Ok(())
    }

    /// Kills the child of a supervised worker, and lets the next child end in order.
    fn kill_child(&mut self) -> io::Result<()> {
        let mut worker = self.fixture.start_supervised()?;
        let mut child = None;
        self.fixture.until(POINT_PATIENCE, |fixture| {
            child = worker.child().filter(|child| fixture.has_begun(*child));
            child.is_some()
        })?;
        self.fixture.burst(self.plan.crowd, &["--seconds", "0.5"])?;
        if let Some(pid) = child {
            self.fixture.until(POINT_PATIENCE, |fixture| fixture.running_on(pid) >= CHILD_RUNS)?;
            let at = now();
            signal(pid, Signal::KILL);
            self.hit(Fault::ChildKill, at, FaultTarget::Worker { pid, dead: true });
        }
        self.fixture.pass(RECOVERY)?;
        let next = worker.child();
        if next.is_none() || next == child {
            self.fixture
                .unexpected
                .push(format!("the child {child:?} of a supervised worker was not restarted"));
        }
        worker.drain();
        if !self.fixture.until(CROWD_LEAVES, |_| worker.ended().is_some())? || worker.ended() != Some(0) {
            self.fixture.unexpected.push("a supervised worker did not end in order".to_owned());
        }
        self.fixture.until(CROWD_LEAVES, |fixture| fixture.bursts.is_empty()).map(drop)
    }

    pub(super) fn hit(&mut self, fault: Fault, at: u64, target: FaultTarget) {
        self.fixture.strike(Hit { fault, at, until: now(), target });
    }
}
