use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use rhai_dispatcher_core::{Clock, LogLevel, Priority, Stop, Task, TaskId, Tick, TraceContext, WorkerId};

use crate::EngineConfig;
use crate::script::ScriptRun;

/// The task whose script calls a native function: who it is, and what is kept for it.
///
/// Clones are the same task. It stays on its thread.
///
/// ```
/// use rhai_dispatcher_engine::{EngineConfig, TaskContext};
///
/// struct Greeting(String);
///
/// let config = EngineConfig::new().with_setup(|engine| {
///     engine.register_fn("configure_greeting", |text: &str| {
///         if let Some(task) = TaskContext::current() {
///             task.set_state(Greeting(text.to_owned()));
///         }
///     });
///     engine.register_fn("greet", || {
///         let greeting = TaskContext::current().and_then(|task| task.state::<Greeting>());
///         greeting.map_or("Hello".to_owned(), |greeting| greeting.0.clone())
///     });
/// });
/// ```
#[derive(Clone)]
pub struct TaskContext(Rc<ScriptRun>);

impl TaskContext {
    /// The task whose script, or whose request, this thread runs now; `None` anywhere else, such as
    /// while a script is parsed.
    #[must_use]
    pub fn current() -> Option<Self> {
        ScriptRun::current().map(Self)
    }

    pub(crate) fn new(run: Rc<ScriptRun>) -> Self {
        Self(run)
    }

    /// The task's id.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.task().id
    }

    /// Everything that was submitted.
    #[must_use]
    pub fn task(&self) -> &Arc<Task> {
        self.0.task()
    }

    /// The worker id that it was sent to.
    #[must_use]
    pub fn worker_id(&self) -> &WorkerId {
        &self.task().worker_id
    }

    /// Who asked.
    #[must_use]
    pub fn caller_id(&self) -> &str {
        &self.task().caller_id
    }

    /// On whose behalf.
    #[must_use]
    pub fn context_id(&self) -> Option<&str> {
        self.task().context_id.as_deref()
    }

    /// How many times the task has been started, this time included.
    #[must_use]
    pub fn delivery(&self) -> u32 {
        self.0.delivery()
    }

    /// The trace context of what the task sends: of its children, and of requests to other systems.
    #[must_use]
    pub fn trace(&self) -> Option<&Arc<TraceContext>> {
        self.0.trace()
    }

    /// The time of the task's transport.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        self.0.clock()
    }

    /// When the task is stopped, by its [`clock`](Self::clock), if it has a deadline.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        self.0.deadline()
    }

    /// How it is run.
    pub(crate) fn config(&self) -> &EngineConfig {
        self.0.config()
    }

    /// How urgent its calls are that wait for a free slot.
    pub(crate) fn priority(&self) -> Priority {
        self.0.priority()
    }

    /// Why the task has to end, if it has to.
    #[must_use]
    pub fn stopped(&self) -> Option<Stop> {
        self.0.stop_token().get()
    }

    /// Writes a line to the task's log, which is bounded: see
    /// [`ScriptLimits::max_log_bytes`](crate::ScriptLimits::max_log_bytes).
    pub fn log(&self, level: LogLevel, text: &str) {
        self.0.log(level, text);
    }

    /// What was kept for this task with [`set_state`](Self::set_state), by its type.
    #[must_use]
    pub fn state<T: 'static>(&self) -> Option<Rc<T>> {
        self.0.state().get()
    }

    /// Keeps a value for this task until it ends, in the place of an earlier one of the same type.
    /// Use a type of your own. It must not hold the `TaskContext`: the two would keep each other
    /// alive.
    pub fn set_state<T: 'static>(&self, value: T) {
        self.0.state().set(value);
    }
}

impl fmt::Debug for TaskContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskContext").field("id", &self.id()).finish_non_exhaustive()
    }
}
