use std::io;

use super::Round;
use super::times::{POINT_PATIENCE, RECOVERY, SETTLE};
use crate::fault::{Fault, FaultTarget};
use crate::journal::now;
use crate::{Fixture, Process};

/// How many tasks of half a second are submitted, so that a draining worker releases some.
const RELEASED: usize = 40;

/// How many take-overs are tried until one reaches the crash point.
const TAKE_OVERS: usize = 4;

/// Processes that end at a named point between two commands.
impl Round {
    /// Starts a process that dies at `point`. Returns whether it did.
    pub(super) fn crash(&mut self, point: &'static str) -> io::Result<bool> {
        let often = ["claim.", "finish.", "submit.", "inbox.after_read"];
        let nth = if often.iter().any(|name| point.starts_with(name)) { self.random.u32(1..10) } else { 1 };
        let variable = format!("{point}:{nth}");
        let by_submitter =
            ["child.", "submit.", "cancel.", "orphans.", "inbox."].iter().any(|name| point.starts_with(name));
        if by_submitter {
            let submitter = self.fixture.start_submitter(Some(&variable))?;
            return self.await_crash(submitter, u64::MAX, true);
        }
        let mut worker = self.fixture.start_worker(Some(&variable))?;
        let mut since = u64::MAX;
        if point.starts_with("release.") || point.starts_with("detach.") {
            // It releases tasks only if it holds some that do not end soon; it gets those once it serves. It may also
            // release a task, and die, before it is asked to end.
            let pid = worker.pid();
            let mut dead_or = |fixture: &mut Fixture, done: fn(&Fixture, u32) -> bool| {
                fixture.until(POINT_PATIENCE, |fixture| worker.ended().is_some() || done(fixture, pid))
            };
            dead_or(&mut self.fixture, Fixture::has_begun)?;
            self.fixture.burst(RELEASED, &["--seconds", "0.5"])?;
            dead_or(&mut self.fixture, Fixture::has_just_begun)?;
            // Released tasks run elsewhere before the process is dead.
            since = now();
            worker.drain();
        }
        if point.starts_with("take_over.") {
            for _ in 0..TAKE_OVERS {
                self.kill_worker()?;
                if self.fixture.until(RECOVERY, |_| worker.ended().is_some())? {
                    break;
                }
            }
        }
        self.await_crash(worker, since, false)
    }

    fn await_crash(&mut self, mut process: Process, since: u64, is_submitter: bool) -> io::Result<bool> {
        let ended = self.fixture.until(POINT_PATIENCE, |_| process.ended().is_some())?;
        let at = now().min(since);
        let pid = process.pid();
        // Its tasks have to end, whether it reached the point or not.
        process.kill();
        let target =
            if is_submitter { FaultTarget::Submitter(pid) } else { FaultTarget::Worker { pid, dead: true } };
        // A poison task would abort it instead.
        let fired = ended && process.ended() == Some(rustix::process::Signal::KILL.as_raw());
        self.hit(Fault::CrashPoint, at, target);
        self.fixture.pass(if is_submitter { SETTLE } else { RECOVERY })?;
        Ok(fired)
    }
}
