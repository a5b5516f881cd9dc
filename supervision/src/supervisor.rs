use std::fmt;
use std::io;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rhai_dispatcher_core::{CrashReport, TaskId, Transport};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

use crate::backoff::Backoff;
use crate::drain_line::DrainLine;
use crate::reporter::{Connect, Reporter};
use crate::table_memory::TableMemory;
use crate::{Crash, Supervised};

/// Runs a worker as a child process; when that dies, reports which tasks it ran, and starts it again.
///
/// The first restart comes 100 ms after the death; the pause doubles up to 30 s, until a process has lived for a
/// minute. A process that ends in order is not started again: its exit code is the answer.
pub struct Supervisor {
    command: Box<dyn FnMut() -> Command>,
    connect: Connect,
    restart_codes: Vec<i32>,
    listener: Option<TcpListener>,
    events: Receiver<Event>,
    handle: SupervisorHandle,
    /// Whether the child was asked for an orderly end.
    is_draining: bool,
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
    pid: u32,
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
    /// supervisor's, all else is as `command` says; it is a socket. `connect` makes the transport that a crash is reported to.
    pub fn new(
        command: impl FnMut() -> Command + 'static,
        connect: impl Fn() -> Result<Arc<dyn Transport>, String> + Send + Sync + 'static,
    ) -> Self {
        let (handle, events) = mpsc::channel();
        Self {
            command: Box::new(command),
            connect: Arc::new(connect),
            restart_codes: Vec::new(),
            listener: None,
            events,
            handle: SupervisorHandle { events: handle },
            is_draining: false,
        }
    }

    /// Sets the exit codes after which a child that replaced another one is started again; the first child's are the
    /// answer. Default: none.
    #[must_use]
    pub fn with_restart_codes(mut self, codes: impl Into<Vec<i32>>) -> Self {
        self.restart_codes = codes.into();
        self
    }

    /// Sets a listening socket that each child gets: [`Supervised::take_listener`]. It stays open between two children, so
    /// connections that come meanwhile wait for the next one. Default: none.
    #[must_use]
    pub fn with_listener(mut self, listener: TcpListener) -> Self {
        self.listener = Some(listener);
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
        let memory = TableMemory::new()?;
        let mut reports = Reports { reporter: Reporter::start(Arc::clone(&self.connect))?, unexplained: 0 };
        let mut backoff = Backoff::new();
        let mut is_restarted = false;
        let ended = loop {
            let lived = match self.live(&memory) {
                Ok(None) => return Ok(Ended::Killed),
                Ok(Some(death)) => {
                    if let Some(code) = death.status.code().filter(|_| !death.is_crash())
                        && (!is_restarted || self.is_draining || !self.restart_codes.contains(&code))
                    {
                        break Ended::Code(code);
                    }
                    reports.add(&death);
                    if self.is_draining {
                        break death.ended();
                    }
                    death.lived
                }
                Err(error) if is_restarted => {
                    tracing::error!(%error, "the worker process can't be started");
                    Duration::ZERO
                }
                Err(error) => return Err(error),
            };
            is_restarted = true;
            let pause = backoff.after(lived);
            tracing::warn!(?pause, "the worker process is started again");
            match self.events.recv_timeout(pause) {
                Ok(Event::Kill) => return Ok(Ended::Killed),
                Ok(Event::Drain) => break Ended::Code(0),
                Ok(Event::ChildEnded) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        };
        reports.reporter.finish(LAST_REPORTS);
        Ok(ended)
    }

    /// Runs one child to its end. Nothing if it was to be killed.
    fn live(&mut self, memory: &TableMemory) -> io::Result<Option<Death>> {
        memory.clear()?;
        let mut command = (self.command)();
        command.env(Supervised::VARIABLE, memory.path());
        let line = DrainLine::new(&mut command, self.listener.as_ref())?;
        let start = Instant::now();
        let mut child = command.spawn()?;
        drop(command); // with it the other end of the line
        let Some(status) = self.watch(&mut child, line)? else { return Ok(None) };
        let (pid, crash, lived) = (child.id(), memory.read(), start.elapsed());
        Ok(Some(Death { pid, status, crash, lived }))
    }

    /// Waits for the child's end, and passes on what it is told meanwhile. Nothing if it was told to kill it.
    fn watch(&mut self, child: &mut Child, mut line: DrainLine) -> io::Result<Option<ExitStatus>> {
        if let Err(error) = self.wait_for(child) {
            // Its end would not be noticed, and its slots would be given to the next child while it lives.
            let _ = child.kill();
            child.wait()?;
            return Err(error);
        }
        loop {
            match self.events.recv() {
                Ok(Event::Drain) => {
                    self.is_draining = true;
                    line.drain();
                }
                Ok(Event::Kill) => {
                    child.kill()?;
                    child.wait()?;
                    return Ok(None);
                }
                // `self.handle` keeps the channel open.
                Ok(Event::ChildEnded) | Err(_) => return child.wait().map(Some),
            }
        }
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

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    /// Whether the process did not end in order: a signal ended it, it panicked, or it exited while a task ran. One
    /// that could not detach because its server is away has ended in order: its lease is all that is left of it.
    fn is_crash(&self) -> bool {
        self.status.code().is_none_or(|code| code == PANICKED) || self.explains()
    }

    fn ended(&self) -> Ended {
        self.status
            .code()
            .map_or_else(|| Ended::Signal(self.status.signal().unwrap_or_default()), Ended::Code)
    }

    fn running(&self) -> &[TaskId] {
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

    fn log(&self) {
        let running: Vec<_> = self.running().iter().map(ToString::to_string).collect();
        let running = if running.is_empty() { "none".to_owned() } else { running.join(", ") };
        let instance = self.crash.as_ref().map(|crash| crash.report.instance.to_string()).unwrap_or_default();
        tracing::error!(pid = self.pid, status = %self.status, instance, running, "the worker process has died");
    }
}

/// Decides what is reported.
struct Reports {
    reporter: Reporter,
    /// Deaths in a row that no task explains.
    unexplained: usize,
}

impl Reports {
    fn add(&mut self, death: &Death) {
        death.log();
        let is_explained = death.explains() || Backoff::is_healthy(death.lived);
        self.unexplained = if is_explained { 0 } else { self.unexplained + 1 };
        if let Some(report) = death.report().filter(|_| self.unexplained <= MAX_UNEXPLAINED) {
            self.reporter.report(report);
        }
    }
}
