//! Time, behind a trait: the system's, or one that a test moves by hand.

mod activity;
mod manual;
mod system;
mod tick;
mod timers;
mod wall_time;

use std::fmt::Debug;

use futures::future::BoxFuture;

pub use activity::Activity;
pub(crate) use activity::{Busy, block_on_counted};
pub use manual::ManualClock;
pub use system::SystemClock;
pub use tick::Tick;
pub use wall_time::WallTime;

/// A source of time.
///
/// Waits, and all that depends on how much time has passed, are local and monotonic ([`Tick`]). [`WallTime`] is for
/// records, and decides nothing: it may be wrong, and may jump.
pub trait Clock: Send + Sync + Debug {
    /// The monotonic time.
    fn now(&self) -> Tick;

    /// The wall time: what a transport within this process writes into records.
    fn wall(&self) -> WallTime;

    /// Is ready at `at`, never before. Dropping it cancels the wait.
    fn sleep_until(&self, at: Tick) -> BoxFuture<'static, ()>;

    /// What counts the busy threads of workers, for a clock that a test moves.
    #[doc(hidden)]
    fn activity(&self) -> Option<Activity> {
        None
    }
}
