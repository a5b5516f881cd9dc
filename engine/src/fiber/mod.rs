//! Stackful coroutines behind a [`Future`](std::future::Future), and the stacks that they run on.
//!
//! A [`Fiber`] runs ordinary Rust code that can stop in the middle: [`wait`] suspends it on any
//! Rust future and gives the thread back to the future that polls the fiber. With `memory`, this is the
//! only module of the workspace with unsafe code; what it exports is safe to use in any order.
//!
//! Invariants that the unsafe code rests on:
//! - A fiber never leaves its thread: it holds an `Rc`.
//! - `CURRENT` names the fiber that runs now, and only while it runs: it is set for one resume,
//!   and empty while a future is polled on the fiber, so that nothing suspends below a borrowed
//!   waker.
//! - A stack goes back to its pool only when its coroutine has ended.

#[cfg(panic = "abort")]
compile_error!(
    "rhai-dispatcher-engine turns a panic in a script's native function into an error of that \
     script, so it needs panic=unwind"
);

#[expect(clippy::module_inception, reason = "the file is named for its main type")]
#[allow(unsafe_code)]
mod fiber;
#[allow(unsafe_code)]
mod stack;
mod stack_pool;
mod stack_size;
mod wait_error;

pub(crate) use fiber::{Fiber, Panicked, is_current, note_lowest, off_fiber, stack_address, wait};
pub(crate) use stack::FiberStack;
pub(crate) use stack_pool::{KEPT, StackPool};
pub(crate) use stack_size::StackSize;
pub use wait_error::WaitError;

#[cfg(test)]
mod tests;
