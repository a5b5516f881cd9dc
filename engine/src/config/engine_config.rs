use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rhai_dispatcher_core::{BlockingPool, Invalid, Limits, LogLevel, Task, WorkerId, limit_table};

use super::script_limits::ScriptLimits;
use crate::call::Runtime;
use crate::docs::{EVERY_SCRIPT, ModuleDoc};
use crate::fiber::StackSize;
use crate::secret::{Secret, Secrets};

/// How scripts are run: their limits, and what they can call.
///
/// One configuration is shared by all lanes of a worker and by the [`ScriptChecker`] of its
/// dispatchers, so that both agree on what is a good script.
///
/// [`ScriptChecker`]: crate::ScriptChecker
#[derive(Clone)]
#[non_exhaustive]
pub struct EngineConfig {
    /// The limits of scripts. The `with_max_…` methods set them one by one.
    pub limits: ScriptLimits,
    /// How long a script runs before it yields to others on its lane; 1 ms.
    pub slice: Duration,
    /// The most scripts that a lane has started and not finished; 10,000. Nearly all of them wait.
    pub max_in_flight: usize,
    /// The most scripts that can run and that a lane claims ahead; 512. It claims fewer if their slices
    /// take long: no more than it begins within 5 ms.
    pub run_queue: usize,
    /// The most scripts whose compiled form a lane keeps; 1,024.
    pub max_cached_scripts: usize,
    /// The most text of scripts whose compiled form a lane keeps, in bytes; 4 MiB. The compiled
    /// form takes several times as much.
    pub max_cached_bytes: usize,
    /// The address space of one fiber's stack, in bytes; 0, which has it follow `max_memory`: 256 MiB, and one byte more
    /// for each byte of `max_memory` above 64 MiB (two in a debug build). Pages of it take memory as they are used, and
    /// are given back. It is large because dropping, copying and printing nested values takes stack for each level, and
    /// running out of it ends the process: a stack with less than `max_memory` and 2 MiB is refused, see
    /// [`check`](Self::check).
    pub stack_size: usize,
    /// The most unused stacks that a lane keeps; 1,024. Each keeps up to 32 KiB of memory.
    pub max_pooled_stacks: usize,
    /// How long the result of a request is kept for a script that does not fetch it; 5 minutes.
    pub result_ttl: Duration,
    /// The most threads that run blocking functions at once, on all lanes together; 32. Calls
    /// beyond wait for one.
    pub max_blocking_threads: usize,
    /// Whether scripts may use `eval`; no.
    pub allow_eval: bool,
    /// Whether it is an error to read a property that a map does not have, which is unit otherwise; no. It can be
    /// caught, and names the property, and the nearest one that the script has. `map.x += 1` is not such an error: Rhai adds
    /// the property first.
    pub strict_properties: bool,
    /// The worker ids to which scripts can `dispatch`; all.
    pub dispatch_to: Option<Arc<[WorkerId]>>,
    /// The folder of the modules that scripts can `import`; none, and `import` is refused. No name leads
    /// out of it, nor does a link in it. A module is limited as a script is, and as many compiled ones
    /// are kept.
    pub modules_folder: Option<Arc<Path>>,
    /// What has been added by [`with_secret`](Self::with_secret).
    pub(crate) secrets: Secrets,
    /// What has been added by [`with_setup`](Self::with_setup).
    pub(crate) setups: Vec<Setup>,
    /// Set by [`with_log_listener`](Self::with_log_listener).
    pub(crate) log_listener: Option<LogListener>,
    /// Set by `with_tokio`.
    pub(crate) runtime: Runtime,
    /// What has been added by [`with_docs`](Self::with_docs).
    docs: Vec<&'static ModuleDoc>,
    /// The threads of blocking functions, once an engine has been built; shared by clones.
    blocking_pool: Arc<OnceLock<BlockingPool>>,
}

/// Gets each line of a log.
pub(crate) type LogListener = Arc<dyn Fn(&Task, LogLevel, &str) + Send + Sync>;

/// A step of building an engine.
pub(crate) type Setup = Arc<dyn Fn(&mut rhai::Engine, &EngineConfig) + Send + Sync>;

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            limits: ScriptLimits::default(),
            slice: Duration::from_millis(1),
            max_in_flight: 10_000,
            run_queue: 512,
            max_cached_scripts: 1024,
            max_cached_bytes: 4 * 1024 * 1024,
            stack_size: 0,
            max_pooled_stacks: 1024,
            result_ttl: Duration::from_secs(5 * 60),
            max_blocking_threads: 32,
            allow_eval: false,
            strict_properties: false,
            dispatch_to: None,
            modules_folder: None,
            secrets: Secrets::new(),
            setups: Vec::new(),
            log_listener: None,
            runtime: Runtime::default(),
            docs: vec![&EVERY_SCRIPT],
            blocking_pool: Arc::default(),
        }
    }
}

/// A consuming setter for each limit.
macro_rules! limit_setters {
    ($($name:ident $with:ident: $type:ty = $default:expr, zero: $zero:ident, kept by $keeper:ident,
        $about:literal $($more:literal)*;)*) => {
        /// Limits.
        impl EngineConfig {
            $(
                #[doc = concat!("Sets [`", stringify!($name), "`](ScriptLimits::", stringify!($name), ").")]
                #[must_use]
                pub fn $with(mut self, $name: $type) -> Self {
                    self.limits.$name = $name;
                    self
                }
            )*

            /// Sets those limits that are set in `limits`.
            #[must_use]
            pub fn with_limits(mut self, limits: &Limits) -> Self {
                self.limits = self.limits.with(limits);
                self
            }
        }
    };
}

limit_table!(limit_setters);

/// A consuming setter for each other field.
macro_rules! setters {
    ($($with:ident: $field:ident, $type:ty;)*) => {
        $(
            #[doc = concat!("Sets [`", stringify!($field), "`](Self::", stringify!($field), ").")]
            #[must_use]
            pub fn $with(mut self, $field: $type) -> Self {
                self.$field = $field;
                self
            }
        )*
    };
}

impl EngineConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        with_slice: slice, Duration;
        with_max_in_flight: max_in_flight, usize;
        with_run_queue: run_queue, usize;
        with_max_cached_scripts: max_cached_scripts, usize;
        with_max_cached_bytes: max_cached_bytes, usize;
        with_stack_size: stack_size, usize;
        with_max_pooled_stacks: max_pooled_stacks, usize;
        with_result_ttl: result_ttl, Duration;
        with_allow_eval: allow_eval, bool;
        with_strict_properties: strict_properties, bool;
    }

    /// Adds a step of building an engine, such as registering functions that scripts can call.
    /// It runs for each engine, after the steps added before: once on each lane, once on each thread that
    /// checks scripts before they are queued, and again on lanes whose tasks lower limits that an engine
    /// keeps. What it sets for `on_print`, `on_debug`, `on_var` and
    /// `on_progress` is replaced by the engine's own.
    ///
    /// A registered function may call [`wait`](crate::wait).
    #[must_use]
    pub fn with_setup(mut self, setup: impl Fn(&mut rhai::Engine) + Send + Sync + 'static) -> Self {
        self.setups.push(Arc::new(move |engine, _| setup(engine)));
        self
    }
}

impl EngineConfig {
    /// Sets [`max_blocking_threads`](Self::max_blocking_threads). The threads are not those of earlier
    /// clones any more.
    #[must_use]
    pub fn with_max_blocking_threads(mut self, max: usize) -> Self {
        self.max_blocking_threads = max;
        self.blocking_pool = Arc::default();
        self
    }

    /// Sets [`dispatch_to`](Self::dispatch_to): a `dispatch` to any other worker id is an error at once, and no
    /// task that waits for a worker.
    #[must_use]
    pub fn with_dispatch_to(mut self, worker_ids: impl IntoIterator<Item = WorkerId>) -> Self {
        self.dispatch_to = Some(worker_ids.into_iter().collect());
        self
    }
}

impl EngineConfig {
    /// Calls `listener` with each line of a task's log when the script writes it, beside the log itself. A line that the
    /// log has no room for is left out. It is called on the lane's thread, and must not block it.
    #[must_use]
    pub fn with_log_listener(
        mut self,
        listener: impl Fn(&Task, LogLevel, &str) + Send + Sync + 'static,
    ) -> Self {
        self.log_listener = Some(Arc::new(listener));
        self
    }
}

impl EngineConfig {
    /// Adds what is written about functions that [`with_setup`](Self::with_setup) and the like register. A module's
    /// `install` calls it.
    #[must_use]
    pub fn with_docs(mut self, docs: &'static ModuleDoc) -> Self {
        if !self.docs.contains(&docs) {
            self.docs.push(docs);
        }
        self
    }

    /// What is written about the functions that scripts can call: those that every script has, and those of the modules
    /// that have been installed.
    #[must_use]
    pub fn docs(&self) -> &[&'static ModuleDoc] {
        &self.docs
    }
}

impl EngineConfig {
    /// Lets scripts import the modules of a folder: `import "shop/prices" as prices;` is its file
    /// `shop/prices.rhai`. Names are paths from the folder on, also in modules.
    ///
    /// Files are read, and their code is run, at each import. They are trusted with whatever the
    /// importing script may do.
    #[must_use]
    pub fn with_modules_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.modules_folder = Some(folder.into().into());
        self
    }
}

impl EngineConfig {
    /// Adds a constant of this name that scripts can hand to the native functions that take a
    /// [`Secret`], and that reads `[secret]` everywhere else. A variable of a script's own with
    /// that name hides it, and so do the constants that every script has.
    #[must_use]
    pub fn with_secret(mut self, name: impl Into<Arc<str>>, secret: Secret) -> Self {
        self.secrets.insert(name.into(), secret);
        self
    }
}

impl EngineConfig {
    /// Whether the settings go together. The builders of workers and dispatchers check that; tasks of a handler that was
    /// made without end in the error.
    ///
    /// # Errors
    /// If a `stack_size` is too small for `max_memory`.
    pub fn check(&self) -> Result<(), Invalid> {
        StackSize::of(self.stack_size, self.limits.max_memory).map(drop)
    }

    /// The same, with those of `limits` that are lower than its own.
    pub(crate) fn lowered(&self, limits: &Limits) -> Self {
        Self { limits: self.limits.lowered(limits), ..self.clone() }
    }

    /// The size of one fiber's stack, in bytes.
    pub(crate) fn stack_bytes(&self) -> usize {
        StackSize::of(self.stack_size, self.limits.max_memory).map_or(self.stack_size, |stack| stack.total)
    }

    pub(crate) fn blocking_pool(&self) -> &BlockingPool {
        self.blocking_pool.get_or_init(|| BlockingPool::new("rhai-blocking", self.max_blocking_threads))
    }
}

impl fmt::Debug for EngineConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConfig")
            .field("limits", &self.limits)
            .field("max_in_flight", &self.max_in_flight)
            .field("stack_size", &self.stack_size)
            .field("setups", &self.setups.len())
            .finish_non_exhaustive()
    }
}
