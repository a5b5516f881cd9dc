//! Runs Rhai scripts on fibers, many to a thread.
//!
//! Every script runs on a fiber of its own. While it waits, in `sleep` or in any native function
//! that calls [`wait`], its thread runs other scripts; ten thousand waiting scripts need one
//! thread.
//!
//! # What scripts see
//! - The constants `worker_id`, `caller_id`, `context_id` (unit if there is none), `task_id`,
//!   `delivery` and `args` (an object map), also in capitals, and also in functions. A variable of
//!   the script's own with such a name hides the constant.
//! - The secrets of [`EngineConfig::with_secret`], by their names, as values that read `[secret]`.
//! - `print` and `debug`, which write to the task's log, and `sleep(seconds)`, which suspends.
//! - What is registered with [`EngineConfig::with_async_fn`] and
//!   [`with_blocking_fn`](EngineConfig::with_blocking_fn), each in two forms: `name(...)` waits,
//!   `name_async(...)` begins a *request* and returns its id at once.
//!   A function that uses tokio needs the feature `tokio` and `EngineConfig::with_tokio`.
//! - The functions for requests, below.
//! - `import`, of the modules of [`EngineConfig::with_modules_folder`], and of nothing else.
//! - No files, and no `eval` unless [`EngineConfig::allow_eval`] says so.
//!
//! # Requests
//! Requests belong to their task: the id of any other is unknown, and an unknown id is an error in
//! every function. Seconds are whole or fractional.
//!
//! | function | what |
//! |---|---|
//! | `request_status(id)` | `pending`, `completed`, `failed` or `timeout` |
//! | `is_complete(id)` | whether it has ended, in whatever way |
//! | `get_result(id)` | its result, or its error; an error, and nothing lost, if it is not ready |
//! | `await_result(id)`, `await_result(id, seconds)` | the same once it has ended; an error, and nothing lost, if that takes longer |
//! | `await_all(ids)`, `await_all(ids, seconds)` | all results in their order; the first failure is thrown at once, and the other results can still be fetched; all of them, if together they are more than the script may hold |
//! | `await_all_settled(ids)`, `await_all_settled(ids, seconds)` | how each has ended, in their order: `#{ok: value}`, or `#{error: …}` with what `catch` would get; an error, and nothing lost, if that takes longer or all are more than the script may hold |
//! | `await_any(ids)`, `await_any(ids, seconds)` | the id of the first that has ended, in whatever way |
//! | `cancel_request(id)` | drops it; whether it was pending. Its status is `failed` then |
//! | `set_request_priority(p)` | orders the calls that follow among those that wait for a free slot: `high`, `normal` or `low`; at first it is the task's own |
//!
//! An answer that is larger than the script's limits for strings, arrays and maps is an error in its
//! place that the script can catch, of kind `too_large`; its message names the setting. A result is fetched once; one that is not fetched expires ([`EngineConfig::result_ttl`]). When a
//! script has ended, its requests continue, each within its own timeout, and the task ends with the
//! last of them. What became of requests whose results were never fetched is in its log. A task
//! that is stopped cancels its requests.
//!
//! # Errors
//! `catch` gets the error of a call (of a registered function in both forms, of a function for requests, of `dispatch`) as an
//! object map with
//! - `kind`: `runtime` if the function has no other; `invalid` (an argument), `timeout`, `panic`, `cancelled`, `too_large`,
//!   `not_ready`, `not_found` (a request); of `dispatch` the kind of the child's error, `output` or `unavailable`;
//! - `message`: what happened, in words;
//! - `value`: what was thrown as data, by a child or in a [`Thrown`], or unit. One that is too large for the script is left out;
//! - `line`: of the call, in the script that catches it.
//!
//! Printed, the map reads its message, after its kind unless that is `runtime`. An object map that a function throws with the
//! strings `kind` and `message` of its own, as the modules for HTTP and Stripe do, keeps them and all else that it has.
//! [`script_call`] brings functions of [`EngineConfig::with_setup`] in line.
//!
//! What a script throws itself is caught as it is: `throw 5` as `5`. An error that is not caught ends the task; what was
//! thrown is then in [`TaskError::value`](rhai_dispatcher_core::TaskError::value).
//!
//! # Metrics
//! Through the `metrics` facade: [`METRICS`] lists them. Install a recorder before the handler is made. A *request* in their
//! names is any call of an asynchronous or blocking function, in both forms.
//!
//! # Layout
//! From what an embedder sees down to what all rest on:
//!
//! - `handler`: [`RhaiHandler`], what a worker's lane drives.
//! - `checker`: [`ScriptChecker`], which parses scripts before they are queued.
//! - `lane/`: the scripts of one lane, which share its engines, its stacks and its run slot.
//! - `dispatch`: `dispatch`, with which scripts send tasks to other workers.
//! - `function_names`: all that scripts can call.
//! - `build_engine`: makes a Rhai engine of a configuration.
//! - `outline/`: [`ScriptOutline`], the functions that a script defines, with their comments, and what it imports;
//!   [`UnknownCall`], a call of a function that is not there.
//! - `native/`: asynchronous and blocking functions, what they see of their task, and the functions for requests.
//! - `script/`: one script: parsing, its run, functions, modules, values, errors.
//! - `config/`: [`EngineConfig`], its limits and other settings.
//! - `call/`: calls under way, and the requests of a task.
//! - `secret`: [`Secret`], a value that scripts can't read.
//! - `docs/`: [`FunctionDoc`], [`ModuleDoc`]: what is written about the functions of scripts.
//! - `fiber/`: stackful coroutines behind futures, and their stacks. All unsafe code is there and in
//!   `memory/`.
//! - `metrics`: what is counted; `metrics_table`: [`METRICS`], the list of it.
//! - `memory/`: [`ScriptAllocator`], and which script holds which memory.
//! - `metering/`: how operations and time of a script are counted.

mod build_engine;
mod call;
mod checker;
mod config;
mod dispatch;
mod docs;
mod fiber;
mod function_names;
mod handler;
mod lane;
mod memory;
mod metering;
mod metrics;
mod metrics_table;
mod native;
mod outline;
mod script;
mod secret;

pub use checker::ScriptChecker;
pub use config::{EngineConfig, ScriptLimits};
pub use docs::{FunctionDoc, ModuleDoc};
pub use fiber::WaitError;
pub use function_names::{function_names, rhai_function_names};
pub use handler::RhaiHandler;
pub use lane::{CallTime, LanePlace, NativeBody};
pub use memory::ScriptAllocator;
pub use metrics_table::METRICS;
pub use native::{
    Arguments, AsyncFnConfig, AsyncFunction, BlockingFunction, Call, IntoError, IntoValue, Parameter,
    Parameters, Reply, Sendable, Serialized, TaskContext, This, Thrown, script_call,
};
pub use outline::{FunctionOutline, ImportOutline, ScriptOutline, UnknownCall};
pub use rhai_dispatcher_core::{
    Acquire, BlockingError, BlockingPool, Slot, Slots, integer_beyond_i64, nearest,
};
pub use script::{FunctionCall, ModuleTexts, to_json, wait};
pub use secret::Secret;

/// The script engine itself, in the version whose `Engine` a setup gets.
pub use rhai;
