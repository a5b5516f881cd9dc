mod functions;
mod lowering;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rhai_dispatcher_core::{Invalid, LogLevel, Task, WorkerId};

use crate::call::{BlockingPool, Runtime};
use crate::docs::{self, ModuleDoc};
use crate::fiber::StackSize;
use crate::script::{Secret, Secrets};

/// How scripts are run: their limits, and what they can call.
///
/// One configuration is shared by all lanes of a worker and by the [`ScriptChecker`] of its
/// dispatchers, so that both agree on what is a good script. A script that goes over a limit ends
/// in an error that names the limit and its value. A task can ask for lower ones, with
/// [`Limits`](rhai_dispatcher_core::Limits); those of nesting, sizes, variables, arguments, functions and modules are kept by engines, so a lane
/// builds another one for each set of them that is in use.
///
/// [`ScriptChecker`]: crate::ScriptChecker
#[derive(Clone)]
#[non_exhaustive]
pub struct EngineConfig {
    /// The longest script, in bytes; 256 KiB. Parsing yields as running does.
    pub max_script_bytes: usize,
    /// The most operations of one run, those of callbacks and of what it parses with `eval` included; 1,000,000,000, a
    /// minute or two of a processor.
    pub max_operations: u64,
    /// The deepest nesting of function calls; 64.
    pub max_call_levels: usize,
    /// The deepest nesting of expressions and blocks outside of functions; 64.
    pub max_expr_depth: usize,
    /// The deepest nesting of expressions and blocks in functions; 32.
    pub max_function_expr_depth: usize,
    /// The most functions that a script defines; 1,024.
    pub max_functions: usize,
    /// The most variables at one time, and the most names without a definition in one function; 1,024.
    pub max_variables: usize,
    /// The most arguments of a call, parameters of a function, and variables that a closure captures; 32. Rhai
    /// may look for a function with so many arguments for 10 ms, in which nothing else runs on the lane.
    pub max_arguments: usize,
    /// The most text in one value, in bytes; 1 MiB. It is the longest string, and the most that the strings of an
    /// array or a map have together, those of the arrays and maps in it included: Rhai adds them up. Small, since
    /// a built-in function that goes through a text holds the lane's thread.
    pub max_string_bytes: usize,
    /// The most elements of an array, with those of the arrays in it; 100,000. It also bounds how
    /// deep arrays nest, which printing and dropping them pays for with stack.
    pub max_array_size: usize,
    /// The most properties of an object map, with those of the maps in it; 32,768.
    pub max_map_size: usize,
    /// The most properties of an object map that is written out, as `#{…}`; 4,096. Rhai compares each with all
    /// those before it.
    pub max_map_literal: usize,
    /// The most memory that one script holds, in bytes; 64 MiB. It is counted, and so limited, only if
    /// the program's allocator is a [`ScriptAllocator`](crate::ScriptAllocator). Each block counts 256 bytes beside
    /// its size, since copying and dropping a value takes time for each block of it, in which nothing else runs on
    /// the lane: with 64 MiB, less than 50 ms. A script is stopped at
    /// its next operation, so that it may have more for the time of one call of a native function. Its
    /// compiled form is not counted, but for what it has `eval` compile. How deep values can be depends on it, and so
    /// does [`stack_size`](Self::stack_size).
    pub max_memory: usize,
    /// The most text that `print` and `debug` leave in a task's log, in bytes; 64 KiB. What is
    /// printed beyond is dropped, and the log says so.
    pub max_log_bytes: usize,
    /// The longest result, in bytes of JSON; 1 MiB.
    pub max_output_bytes: usize,
    /// The longest time from the start of a run to its end, waits included; an hour.
    pub max_wall_time: Duration,
    /// How long a script runs before others on its lane have a turn; 1 ms.
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
    /// The most requests of one task that are under way or whose results were not fetched; 1,000.
    pub max_requests: usize,
    /// How long the result of a request is kept for a script that does not fetch it; 5 minutes.
    pub result_ttl: Duration,
    /// The longest that one script computes, its waits not counted; a minute.
    pub max_cpu_time: Duration,
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
    /// The most modules that one script imports, each as often as it is imported; 1,024.
    pub max_modules: usize,
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
            max_script_bytes: 256 * 1024,
            max_operations: 1_000_000_000,
            max_call_levels: 64,
            max_expr_depth: 64,
            max_function_expr_depth: 32,
            max_functions: 1024,
            max_variables: 1024,
            max_arguments: 32,
            max_string_bytes: 1024 * 1024,
            max_array_size: 100_000,
            max_map_size: 32_768,
            max_map_literal: 4096,
            max_memory: 64 * 1024 * 1024,
            max_log_bytes: rhai_dispatcher_core::TaskLog::MAX_BYTES,
            max_output_bytes: 1024 * 1024,
            max_wall_time: Duration::from_secs(60 * 60),
            slice: Duration::from_millis(1),
            max_in_flight: 10_000,
            run_queue: 512,
            max_cached_scripts: 1024,
            max_cached_bytes: 4 * 1024 * 1024,
            stack_size: 0,
            max_pooled_stacks: 1024,
            max_requests: 1000,
            result_ttl: Duration::from_secs(5 * 60),
            max_cpu_time: Duration::from_secs(60),
            max_blocking_threads: 32,
            allow_eval: false,
            strict_properties: false,
            dispatch_to: None,
            modules_folder: None,
            max_modules: 1024,
            secrets: Secrets::new(),
            setups: Vec::new(),
            log_listener: None,
            runtime: Runtime::default(),
            docs: vec![&docs::ENGINE],
            blocking_pool: Arc::default(),
        }
    }
}

/// A consuming setter for each field.
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
        with_max_script_bytes: max_script_bytes, usize;
        with_max_operations: max_operations, u64;
        with_max_call_levels: max_call_levels, usize;
        with_max_expr_depth: max_expr_depth, usize;
        with_max_function_expr_depth: max_function_expr_depth, usize;
        with_max_functions: max_functions, usize;
        with_max_variables: max_variables, usize;
        with_max_arguments: max_arguments, usize;
        with_max_string_bytes: max_string_bytes, usize;
        with_max_array_size: max_array_size, usize;
        with_max_map_size: max_map_size, usize;
        with_max_map_literal: max_map_literal, usize;
        with_max_memory: max_memory, usize;
        with_max_log_bytes: max_log_bytes, usize;
        with_max_output_bytes: max_output_bytes, usize;
        with_max_wall_time: max_wall_time, Duration;
        with_slice: slice, Duration;
        with_max_in_flight: max_in_flight, usize;
        with_run_queue: run_queue, usize;
        with_max_cached_scripts: max_cached_scripts, usize;
        with_max_cached_bytes: max_cached_bytes, usize;
        with_stack_size: stack_size, usize;
        with_max_pooled_stacks: max_pooled_stacks, usize;
        with_max_requests: max_requests, usize;
        with_result_ttl: result_ttl, Duration;
        with_max_cpu_time: max_cpu_time, Duration;
        with_allow_eval: allow_eval, bool;
        with_strict_properties: strict_properties, bool;
        with_max_modules: max_modules, usize;
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
        StackSize::of(self).map(drop)
    }

    /// The size of one fiber's stack, in bytes.
    pub(crate) fn stack_bytes(&self) -> usize {
        StackSize::of(self).map_or(self.stack_size, |stack| stack.total)
    }

    pub(crate) fn blocking_pool(&self) -> &BlockingPool {
        self.blocking_pool.get_or_init(|| BlockingPool::new("rhai-blocking", self.max_blocking_threads))
    }
}

impl fmt::Debug for EngineConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConfig")
            .field("max_script_bytes", &self.max_script_bytes)
            .field("max_operations", &self.max_operations)
            .field("max_wall_time", &self.max_wall_time)
            .field("max_in_flight", &self.max_in_flight)
            .field("stack_size", &self.stack_size)
            .field("setups", &self.setups.len())
            .finish_non_exhaustive()
    }
}
