use std::cell::{Cell, RefCell};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rhai::{Dynamic, EvalAltResult, Position, Scope};
use rhai_dispatcher_core::{Invalid, Output, Task, TaskError, TaskErrorKind};

use crate::EngineConfig;
use crate::fiber::{StackPool, StackSize};
use crate::lane_engines::LaneEngines;
use crate::memory::uncharged;
use crate::metrics::ScriptMetrics;
use crate::script::{
    Known, ScriptRun, dismantle, evaluate, hint, output, parse_error, run_error, source_of, too_long,
};
use crate::turns::Turns;

/// How many scripts a lane claims at once while many others can run. Few, since they go first.
const NEWCOMERS: usize = 8;

/// How much work a lane claims ahead: enough to be busy while the next claim is on its way, and little
/// enough that other instances, which may be idle, don't miss it.
const AHEAD: Duration = Duration::from_millis(5);

/// What the scripts of one lane share: engines, with compiled scripts and modules, stacks, and their number.
#[derive(Debug)]
pub(crate) struct Lane {
    engines: LaneEngines,
    config: Rc<EngineConfig>,
    pool: StackPool,
    /// What operations leave of each stack; `Err` if the configuration is refused.
    stack_reserve: Result<usize, Invalid>,
    turns: Rc<Turns>,
    /// Scripts that have not ended.
    live: Cell<usize>,
    /// Those of them that don't wait.
    runnable: Cell<usize>,
    /// Those of them that have not begun.
    fresh: Cell<usize>,
    /// How long a slice takes, as a moving average over some sixteen.
    slice: Cell<Duration>,
    metrics: ScriptMetrics,
    /// How many accounts of scripts are not settled.
    accounts: Arc<AtomicUsize>,
    /// Whoever waits for room.
    waker: RefCell<Option<Waker>>,
}

impl Lane {
    pub(crate) fn new(config: EngineConfig) -> Self {
        let stack = StackSize::of(&config);
        // One that is refused runs no script, but its errors.
        let stack_size = stack.as_ref().map_or(config.stack_size, |stack| stack.total);
        Self {
            stack_reserve: stack.map(|stack| stack.reserve),
            engines: LaneEngines::new(&config),
            pool: StackPool::new(stack_size, config.max_pooled_stacks),
            metrics: ScriptMetrics::new(),
            accounts: Arc::default(),
            turns: Rc::default(),
            live: Cell::default(),
            runnable: Cell::default(),
            fresh: Cell::default(),
            slice: Cell::default(),
            waker: RefCell::default(),
            config: Rc::new(config),
        }
    }

    /// How a task is run: as the lane is configured, but for limits that the task lowers.
    pub(crate) fn config_for(&self, task: &Task) -> Rc<EngineConfig> {
        match &task.limits {
            None => Rc::clone(&self.config),
            Some(limits) => Rc::new(self.config.lowered(limits)),
        }
    }

    /// How it is configured.
    pub(crate) fn config(&self) -> &EngineConfig {
        &self.config
    }

    pub(crate) fn turns(&self) -> &Rc<Turns> {
        &self.turns
    }

    pub(crate) fn pool(&self) -> &StackPool {
        &self.pool
    }

    /// What operations leave of each stack, in bytes.
    pub(crate) fn stack_reserve(&self) -> usize {
        self.stack_reserve.as_ref().copied().unwrap_or_default()
    }

    pub(crate) fn accounts(&self) -> &Arc<AtomicUsize> {
        &self.accounts
    }

    pub(crate) fn metrics(&self) -> &ScriptMetrics {
        &self.metrics
    }

    /// How many scripts there is room for.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<NonZeroUsize> {
        match NonZeroUsize::new(self.room()) {
            Some(room) => Poll::Ready(room),
            None => {
                self.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }

    fn room(&self) -> usize {
        if !self.is_open() {
            return 0;
        }
        let queue = self.run_queue();
        let slots = self.config.max_in_flight.max(1).saturating_sub(self.live.get());
        let wanted = match self.runnable.get() {
            few if few <= queue / 2 => queue - few,
            _ => NEWCOMERS,
        };
        let wanted = wanted.min(slots);
        // What is promised here has its stack. When the system has no more, the next claim waits
        // until a script has ended; if none will, a task gets the error.
        let stacks = self.pool.reserve(wanted);
        if stacks == 0 && self.live.get() == 0 { wanted.min(1) } else { wanted.min(stacks) }
    }

    /// Whether it claims: not while many scripts have not begun or burn their slices, but also while
    /// many have just been woken, who don't take long.
    fn is_open(&self) -> bool {
        let burning = self.turns.waiting() <= self.config.run_queue.max(1) / 2;
        burning && self.fresh.get() <= self.run_queue() / 2
    }

    /// How many scripts compute, or could.
    pub(crate) fn computing(&self) -> usize {
        self.runnable.get()
    }

    /// How many scripts that can run it is to have.
    fn run_queue(&self) -> usize {
        // As u64, since it is asked for before each task: a division of u128 takes longer than all else here.
        let slices = AHEAD.as_nanos() as u64 / (self.slice.get().as_nanos() as u64).max(1);
        let most = self.config.run_queue.max(1);
        usize::try_from(slices).unwrap_or(usize::MAX).clamp(NEWCOMERS.min(most), most)
    }

    /// Notes how long a slice took.
    pub(crate) fn ran(&self, slice: Duration) {
        self.slice.update(|mean| mean - mean / 16 + slice / 16);
    }

    fn room_changed(&self) {
        if self.is_open()
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }

    /// Runs one script to its end, on its fiber. Its values are dropped on the fiber's stack,
    /// which is large enough for deep ones.
    pub(crate) fn run(&self, run: &ScriptRun) -> Result<Output, TaskError> {
        let source = source_of(run)?;
        if run.end().is_some() {
            let message = "stopped before it began";
            return Err(TaskError::new(TaskErrorKind::Runtime, message));
        }
        if let Err(invalid) = &self.stack_reserve {
            return Err(TaskError::new(TaskErrorKind::Unsupported, invalid.to_string()));
        }
        let config = run.config();
        if source.len() > config.max_script_bytes {
            return Err(too_long(source.len(), config));
        }
        // They are the lane's, and bounded by the lengths of scripts and the number of engines.
        let engine = uncharged(|| match Rc::ptr_eq(config, &self.config) {
            true => Ok(Rc::clone(self.engines.own())),
            false => self.engines.with_limits_of(config),
        })?;
        run.set_engine(&engine);
        let ast = uncharged(|| engine.compiled(source)).map_err(|error| match run.made_to_end() {
            // Not the script's error: it was stopped while it was parsed.
            Some(end) => run_error(terminated(error.position()), Some(end), config),
            None => parse_error(&error, config),
        })?;
        run.ticker().limit_operations(config.max_operations);
        run.note_source(source);
        let mut variables = Scope::new();
        let ended = evaluate(&engine.rhai, &ast, run, &mut variables)?;
        let known = Known { engine: &engine.rhai, ast: &ast, docs: config.docs(), variables: &variables };
        let ended = self.conclude(run, ended, &known);
        dismantle(variables);
        ended
    }

    /// What became of a script that has run to its end.
    fn conclude(
        &self,
        run: &ScriptRun,
        ended: Result<Dynamic, Box<EvalAltResult>>,
        known: &Known<'_>,
    ) -> Result<Output, TaskError> {
        let config = run.config();
        // Whatever the script made of its end, it is not its outcome. Rhai's `sort` even swallows the error of its
        // callback, and may be the last that a script does.
        if let Some(end) = run.made_to_end() {
            let error = match ended {
                Err(error) if matches!(error.unwrap_inner(), EvalAltResult::ErrorTerminated(..)) => *error,
                Err(error) => terminated(error.position()),
                Ok(_) => terminated(Position::NONE),
            };
            return Err(run_error(error, Some(end), config));
        }
        // What becomes of its result, or of what it threw, counts as time of the script, and not as its operations.
        run.ticker().limit_operations(0);
        let ended = match ended {
            Ok(value) => output(&value, config.max_output_bytes),
            Err(error) => {
                let hint = hint(&error, known).unwrap_or_default();
                let mut error = run_error(*error, None, config);
                error.message.push_str(&hint);
                Err(error)
            }
        };
        ended.map_err(|error| match run.made_to_end() {
            Some(end) => run_error(terminated(Position::NONE), Some(end), config),
            None => error,
        })
    }
}

/// What Rhai answers when a script is made to end.
fn terminated(position: Position) -> EvalAltResult {
    EvalAltResult::ErrorTerminated(Dynamic::UNIT, position)
}

/// One script's place among those of its lane.
#[derive(Debug)]
pub(crate) struct Place {
    lane: Rc<Lane>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fresh,
    Runnable,
    Waiting,
    Gone,
}

impl Place {
    /// A new script, which can run.
    pub(crate) fn new(lane: &Rc<Lane>) -> Self {
        lane.live.update(|live| live + 1);
        lane.runnable.update(|runnable| runnable + 1);
        lane.fresh.update(|fresh| fresh + 1);
        Self { lane: Rc::clone(lane), state: State::Fresh }
    }

    /// It runs.
    pub(crate) fn running(&mut self) {
        self.begun();
        if self.state == State::Waiting {
            self.lane.runnable.update(|runnable| runnable + 1);
            self.state = State::Runnable;
        }
    }

    /// It waits for something.
    pub(crate) fn waiting(&mut self) {
        if self.state == State::Runnable {
            self.lane.runnable.update(|runnable| runnable - 1);
            self.state = State::Waiting;
            self.lane.room_changed();
        }
    }

    fn begun(&mut self) {
        if self.state == State::Fresh {
            self.lane.fresh.update(|fresh| fresh - 1);
            self.state = State::Runnable;
        }
    }

    /// It has ended.
    pub(crate) fn leave(&mut self) {
        if self.state == State::Gone {
            return;
        }
        self.begun();
        if self.state == State::Runnable {
            self.lane.runnable.update(|runnable| runnable - 1);
        }
        self.lane.live.update(|live| live - 1);
        self.state = State::Gone;
        self.lane.room_changed();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}
