//! Work that blocks its thread, away from the threads of callers.

mod blocking_pool;
mod slots;

pub use blocking_pool::{BlockingError, BlockingPool};
pub use slots::{Acquire, Slot, Slots};
