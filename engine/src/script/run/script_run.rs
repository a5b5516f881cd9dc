use std::cell::{Cell, OnceCell, RefCell};
use std::mem;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use rhai::Dynamic;
use rhai_dispatcher_core::{
    CancelReason, Clock, LogLevel, Priority, Run, RunNotes, RunProbe, Stop, StopToken, Task, TaskLog, Tick,
    TraceContext,
};

use super::call_trace::CallTrace;
use super::captured::Captured;
use super::end::End;
use super::function_call::FunctionCall;
use super::lane_engine::LaneEngine;
use super::module_name::ModuleName;
use super::panic_place::PanicPlace;
use super::task_state::TaskState;
use crate::EngineConfig;
use crate::call::RequestTable;
use crate::memory::{Account, uncharged};
use crate::metering::{Budget, Meter};

/// What a script's fiber and its native functions share: the task, its log, its clock.
#[derive(Debug)]
pub(crate) struct ScriptRun {
    run: Run,
    /// The function that it calls, if the task is a call.
    call: Option<Box<FunctionCall>>,
    /// How it is run.
    config: Rc<EngineConfig>,
    /// What it printed and logged.
    log: RefCell<TaskLog>,
    /// How many times it has told its progress.
    progress_count: Cell<u32>,
    /// The task's arguments, once the script has asked for them.
    args: OnceCell<Dynamic>,
    /// When the run began.
    started: Cell<Option<Tick>>,
    /// Why the script is ended, if it is.
    end: Cell<Option<End>>,
    meter: Meter,
    /// What native functions keep for the task.
    state: TaskState,
    /// The calls of asynchronous functions so far.
    calls: Cell<u64>,
    /// How urgent the calls are that wait for a free slot.
    priority: Cell<Priority>,
    requests: RequestTable,
    /// What it runs on, once it does.
    engine: OnceCell<Weak<LaneEngine>>,
    /// The modules whose own code runs, the outermost first.
    importing: RefCell<Vec<ModuleName>>,
    /// The memory that the script holds.
    account: Account,
    /// The variables that its closures have captured.
    captured: Captured,
    /// Whether it, or a module that it has imported, interpolates strings.
    interpolates: Cell<bool>,
    /// The call that panicked.
    panicked_at: RefCell<Option<PanicPlace>>,
    call_trace: CallTrace,
}

thread_local! {
    /// The run whose fiber this thread polls now.
    static CURRENT: RefCell<Option<Rc<ScriptRun>>> = const { RefCell::new(None) };
}

impl ScriptRun {
    pub(crate) fn new(
        run: Run,
        call: Option<Box<FunctionCall>>,
        config: Rc<EngineConfig>,
        meter: Meter,
        account: Account,
    ) -> Self {
        // What `eval` is given is not known.
        let interpolates = Cell::new(config.allow_eval);
        Self {
            priority: Cell::new(run.claimed.task.priority),
            requests: RequestTable::new(run.claimed.task.id, config.limits.max_requests, config.result_ttl),
            run,
            call,
            log: RefCell::default(),
            progress_count: Cell::default(),
            args: OnceCell::new(),
            started: Cell::default(),
            end: Cell::default(),
            meter,
            state: TaskState::default(),
            calls: Cell::default(),
            config,
            engine: OnceCell::new(),
            importing: RefCell::default(),
            account,
            captured: Captured::new(),
            interpolates,
            panicked_at: RefCell::default(),
            call_trace: CallTrace::default(),
        }
    }

    /// The run whose fiber this thread polls now.
    pub(crate) fn current() -> Option<Rc<Self>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Calls `f` with the run whose fiber this thread polls now. `f` must not wait.
    pub(crate) fn with_current<R>(f: impl FnOnce(&Self) -> R) -> Option<R> {
        CURRENT.with_borrow(|run| run.as_deref().map(f))
    }

    /// Makes `run` the current one, and returns the one that was.
    pub(crate) fn set_current(run: Option<Rc<Self>>) -> Option<Rc<Self>> {
        CURRENT.with_borrow_mut(|current| mem::replace(current, run))
    }

    pub(crate) fn task(&self) -> &Arc<Task> {
        &self.run.claimed.task
    }

    /// The function that it calls, if the task is a call.
    pub(crate) fn call(&self) -> Option<&FunctionCall> {
        self.call.as_deref()
    }

    pub(crate) fn delivery(&self) -> u32 {
        self.run.claimed.claim.delivery
    }

    /// The trace context of what it sends.
    pub(crate) fn trace(&self) -> Option<&Arc<TraceContext>> {
        self.run.trace.as_ref()
    }

    pub(crate) fn stop_token(&self) -> &StopToken {
        &self.run.stop
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.run.clock
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.run.deadline
    }

    pub(crate) fn state(&self) -> &TaskState {
        &self.state
    }

    pub(crate) fn requests(&self) -> &RequestTable {
        &self.requests
    }

    /// The number of the next call of an asynchronous function, from 1.
    pub(crate) fn next_call(&self) -> u64 {
        self.calls.update(|calls| calls + 1);
        self.calls.get()
    }

    pub(crate) fn priority(&self) -> Priority {
        self.priority.get()
    }

    pub(crate) fn set_priority(&self, priority: Priority) {
        self.priority.set(priority);
    }

    /// How it is run.
    pub(crate) fn config(&self) -> &Rc<EngineConfig> {
        &self.config
    }

    /// Notes what it runs on from now on.
    pub(crate) fn set_engine(&self, engine: &Rc<LaneEngine>) {
        // Not to hold it: its scripts are dropped on a fiber, since deep ones take stack.
        let _ = self.engine.set(Rc::downgrade(engine)); // a run begins once
    }

    /// What it runs on, while it does.
    pub(crate) fn engine(&self) -> Option<Rc<LaneEngine>> {
        self.engine.get()?.upgrade()
    }

    pub(crate) fn importing(&self) -> &RefCell<Vec<ModuleName>> {
        &self.importing
    }

    /// Notes what its text, or that of a module that it imports, has in it.
    pub(crate) fn note_source(&self, source: &str) {
        // As the text of a string it does no harm.
        if source.contains("${") {
            self.interpolates.set(true);
        }
        // The text of an `eval` has none.
        if source.contains('|') {
            Budget::expect_closures();
        }
    }

    /// Whether it may interpolate strings.
    pub(crate) fn interpolates(&self) -> bool {
        self.interpolates.get()
    }

    /// The call that panicked, if it is known.
    pub(crate) fn panicked_at(&self) -> Option<PanicPlace> {
        self.panicked_at.borrow().clone()
    }

    pub(crate) fn note_panic(&self, place: PanicPlace) {
        self.panicked_at.replace(Some(place));
    }

    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// The variables that its closures have captured.
    pub(crate) fn captured(&self) -> &Captured {
        &self.captured
    }

    /// Which native function it is in.
    pub(crate) fn call_trace(&self) -> &CallTrace {
        &self.call_trace
    }

    /// Where it notes what it does, for callers that ask.
    pub(crate) fn probe(&self) -> &RunProbe {
        self.run.probe()
    }

    /// Writes down where the script is that is suspended now.
    pub(crate) fn write_notes(&self, notes: &mut RunNotes) {
        self.call_trace.write(notes);
        notes.operations = self.meter.operations();
        notes.memory = self.account.bytes() as u64;
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The task's arguments: an object map, empty if there are none.
    pub(crate) fn args(&self) -> Dynamic {
        let parse = || match &self.task().args {
            none if none.is_null() => rhai::Map::new().into(),
            args => args.to::<Dynamic>().unwrap_or_default(),
        };
        self.args.get_or_init(parse).clone()
    }

    pub(crate) fn log(&self, level: LogLevel, text: &str) {
        // A full log takes no copy of what it would drop.
        let (is_full, number) = (self.log.borrow().is_truncated(), self.log.borrow().lines().len());
        if is_full || !self.log.borrow_mut().push(level, text, self.config.limits.max_log_bytes) {
            return;
        }
        uncharged(|| {
            self.run.events.line(number, level, text);
            if let Some(listener) = &self.config.log_listener {
                listener(self.task(), level, text);
            }
        });
    }

    /// Tells subscribers to the task how far it is: `fraction` is from 0 to 1.
    pub(crate) fn progress(&self, fraction: f64, text: &str) {
        let number = self.progress_count.replace(self.progress_count.get().saturating_add(1));
        uncharged(|| self.run.events.progress(number, fraction, text));
    }

    pub(crate) fn take_log(&self) -> TaskLog {
        self.log.take()
    }

    /// When the run has to be over.
    pub(crate) fn wall_end(&self) -> Tick {
        self.started_before(self.clock().now()) + self.config.limits.max_wall_time
    }

    /// When the run began, which is now if it has not.
    pub(crate) fn started_before(&self, now: Tick) -> Tick {
        let started = self.started.get().unwrap_or(now);
        self.started.set(Some(started));
        started
    }

    /// Why the script has to end at `now`, if it has to. The answer stays.
    pub(crate) fn end_at(&self, now: Tick) -> Option<End> {
        if let Some(end) = self.end() {
            return Some(end);
        }
        if self.run.deadline.is_some_and(|deadline| now >= deadline) {
            // The lane does so for a script that waits; one that computes keeps the lane from it.
            self.run.stop.stop(Stop::Cancelled(CancelReason::Expired));
            return self.end_with(End::Stopped);
        }
        if now >= self.started_before(now) + self.config.limits.max_wall_time {
            return self.end_with(End::TimedOut);
        }
        if self.meter.cpu_time(now) >= self.config.limits.max_cpu_time {
            return self.end_with(End::OutOfTime);
        }
        if self.account.is_overdrawn() {
            return self.end_with(End::OutOfMemory);
        }
        None
    }

    /// Why the script has to end, as far as that is known without the time.
    pub(crate) fn end(&self) -> Option<End> {
        if self.end.get().is_none() && self.run.stop.get().is_some() {
            return self.end_with(End::Stopped);
        }
        self.end.get()
    }

    /// Why the script was made to end, if it was.
    pub(crate) fn made_to_end(&self) -> Option<End> {
        self.end.get()
    }

    /// Ends the script for this reason, unless there is one already.
    pub(crate) fn end_with(&self, end: End) -> Option<End> {
        self.end.set(self.end.get().or(Some(end)));
        self.end.get()
    }
}
