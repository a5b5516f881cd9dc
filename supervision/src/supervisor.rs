use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rhai_dispatcher_core::{CrashReport, Transport};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

use crate::backoff::Backoff;
use crate::reporter::{Connect, Reporter};
use crate::table_memory::TableMemory;
use crate::{Crash, CrashTable, Supervised};

/// Runs a worker as a child process; when that dies, reports which tasks it ran, and starts it again.
///
/// The first restart comes 100 ms after the death; the pause doubles up to 30 s, until a process has lived for a
/// minute. A process that ends in order is not started again: its exit code is the answer.
pub struct Supervisor {
    command: Box<dyn FnMut() -> Command>,
    connect: Connect,
    lanes: usize,
    restart_codes: Vec<i32>,
    events: Receiver<Event>,
    handle: SupervisorHandle,
}

/// Tells a [`Supervisor`] what to do, from other threads.
#[derive(Debug, Clone)]
pub struct SupervisorHandle {
    events: Sender<Event>,
}

/// How a supervised worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With that exit code.
    Code(i32),
    /// By that signal, while it was to drain.
    Signal(i32),
    /// It was [killed](SupervisorHandle::kill).
    Killed,
}

#[derive(Debug)]
enum Event {
    Drain,
    Kill,
    ChildEnded,
}

/// How a child ended.
struct Death {
    status: ExitStatus,
    crash: Option<Crash>,
    lived: Duration,
}

/// The exit code of a process whose main thread panicked.
const PANICKED: i32 = 101;

/// How many deaths in a row that no task explains are reported, while no process lives for a minute: what kills may
/// run on no lane. After that the leases count a death for each task, which ends in a quarantine.
const MAX_UNEXPLAINED: usize = 5;

/// How long reports may take when the supervisor is to end.
const LAST_REPORTS: Duration = Duration::from_secs(3);

impl Supervisor {
    /// Will run what `command` makes. In the child, [`Supervised::tie`] has to be called. Its standard input is the
    /// supervisor's, all else is as `command` says. `connect` makes the transport that a crash is reported to.
    pub fn new(
        command: impl FnMut() -> Command + 'static,
        connect: impl Fn() -> Result<Arc<dyn Transport>, String> + Send + Sync + 'static,
    ) -> Self {
        let (handle, events) = mpsc::channel();
        Self {
            command: Box::new(command),
            connect: Arc::new(connect),
            lanes: CrashTable::MAX_LANES,
            restart_codes: Vec::new(),
            events,
            handle: SupervisorHandle { events: handle },
        }
    }

    /// Sets the exit codes after which a child that replaced another one is started again; the first child's are the
    /// answer. Default: none.
    #[must_use]
    pub fn with_restart_codes(mut self, codes: impl Into<Vec<i32>>) -> Self {
        self.restart_codes = codes.into();
        self
    }

    /// A way to tell it what to do.
    #[must_use]
    pub fn handle(&self) -> SupervisorHandle {
        self.handle.clone()
    }

    /// Runs the child until it ends in order, or is killed. To be called on a thread that lives as long as the process,
    /// such as the main thread: on Linux the child dies with the thread that started it.
    ///
    /// # Errors
    /// If the first child can't be started, or the system has no memory to share with it.
    pub fn run(mut self) -> io::Result<Ended> {
        let memory = TableMemory::new(self.lanes)?;
        let reporter = Reporter::start(Arc::clone(&self.connect))?;
        let (mut backoff, mut unexplained, mut is_first) = (Backoff::new(), 0, true);
        let mut is_draining = false;
        loop {
            memory.clear()?;
            let child = match self.start(&memory) {
                Ok(child) => Some(child),
                Err(error) if is_first => return Err(error),
                Err(error) => {
                    tracing::error!(%error, "the worker process can't be started");
                    None
                }
            };
            let mut lived = Duration::ZERO;
            if let Some(child) = child {
                let pid = child.id();
                let Some(death) = self.watch(child, &memory, &mut is_draining)? else {
                    return Ok(Ended::Killed);
                };
                lived = death.lived;
                let restarts = !is_first
                    && !is_draining
                    && death.status.code().is_some_and(|code| self.restart_codes.contains(&code));
                if let Some(code) = death.status.code().filter(|_| !death.is_crash() && !restarts) {
                    reporter.finish(LAST_REPORTS);
                    return Ok(Ended::Code(code));
                }
                death.log(pid);
                if death.explains() || backoff.is_healthy(lived) {
                    unexplained = 0;
                } else {
                    unexplained += 1;
                }
                if let Some(report) = death.report().filter(|_| unexplained <= MAX_UNEXPLAINED) {
                    reporter.report(report);
                }
                if is_draining {
                    reporter.finish(LAST_REPORTS);
                    return Ok(death.status.signal().map_or(Ended::Code(1), Ended::Signal));
                }
            }
            is_first = false;
            let pause = backoff.after(lived);
            tracing::warn!(?pause, "the worker process is started again");
            match self.events.recv_timeout(pause) {
                Ok(Event::Kill) => return Ok(Ended::Killed),
                Ok(Event::Drain) => {
                    reporter.finish(LAST_REPORTS);
                    return Ok(Ended::Code(0));
                }
                Ok(Event::ChildEnded) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    fn start(&mut self, memory: &TableMemory) -> io::Result<Child> {
        let mut command = (self.command)();
        command.env(Supervised::VARIABLE, memory.path()).stdin(Stdio::piped());
        command.spawn()
    }

    /// Waits for the child's end, and passes on what it is told meanwhile. Nothing if it was told to kill it.
    fn watch(
        &self,
        mut child: Child,
        memory: &TableMemory,
        is_draining: &mut bool,
    ) -> io::Result<Option<Death>> {
        let start = Instant::now();
        let mut input = child.stdin.take();
        self.wait_for(&child)?;
        loop {
            match self.events.recv() {
                Ok(Event::Drain) => {
                    *is_draining = true;
                    if let Some(input) = &mut input {
                        let _ = input.write_all(&[Supervised::DRAIN]); // it may have ended
                    }
                }
                Ok(Event::Kill) => {
                    child.kill()?;
                    child.wait()?;
                    return Ok(None);
                }
                // `self.handle` keeps the channel open.
                Ok(Event::ChildEnded) | Err(_) => break,
            }
        }
        let status = child.wait()?;
        let crash = memory.read();
        Ok(Some(Death { status, crash, lived: start.elapsed() }))
    }

    /// Has an event sent when the child ends. It is not reaped, so that its id stays its own.
    fn wait_for(&self, child: &Child) -> io::Result<()> {
        let events = self.handle.events.clone();
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let wait = move || {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while let Some(pid) = pid
                && waitid(WaitId::Pid(pid), options).is_err_and(|error| error == rustix::io::Errno::INTR)
            {
            }
            let _ = events.send(Event::ChildEnded); // the supervisor may have ended
        };
        thread::Builder::new().name("rhai-wait".into()).spawn(wait).map(drop)
    }
}

impl std::fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Supervisor").field("restart_codes", &self.restart_codes).finish_non_exhaustive()
    }
}

impl SupervisorHandle {
    /// Asks for an orderly end.
    pub fn drain(&self) {
        let _ = self.events.send(Event::Drain); // it may have ended
    }

    /// Ends the child at once.
    pub fn kill(&self) {
        let _ = self.events.send(Event::Kill); // it may have ended
    }
}

impl Death {
    /// Whether the process did not end in order: a signal ended it, it panicked, or its instance did not detach.
    fn is_crash(&self) -> bool {
        self.status.code().is_none_or(|code| code == PANICKED) || self.crash.is_some()
    }

    fn running(&self) -> &[rhai_dispatcher_core::TaskId] {
        self.crash.as_ref().map_or(&[], |crash| &crash.report.running)
    }

    /// Whether it is known which tasks may have caused it.
    fn explains(&self) -> bool {
        !self.running().is_empty()
    }

    /// What to report. If no task was on a processor, but the process brought its death about itself, the tasks are
    /// left to the lease, which counts a death for each: one of them may have done it on another thread.
    fn report(&self) -> Option<CrashReport> {
        /// What a process does to itself.
        const OWN: [Signal; 7] =
            [Signal::ABORT, Signal::SEGV, Signal::BUS, Signal::ILL, Signal::FPE, Signal::TRAP, Signal::SYS];
        let is_own = self.status.signal().is_none_or(|signal| OWN.iter().any(|own| own.as_raw() == signal));
        let report = self.crash.as_ref().map(|crash| crash.report.clone());
        report.filter(|_| self.explains() || !is_own)
    }

    fn log(&self, pid: u32) {
        let running: Vec<_> = self.running().iter().map(ToString::to_string).collect();
        let running = if running.is_empty() { "none".to_owned() } else { running.join(", ") };
        let instance = self.crash.as_ref().map(|crash| crash.report.instance.to_string()).unwrap_or_default();
        tracing::error!(pid, status = %self.status, instance, running, "the worker process has died");
    }
}
