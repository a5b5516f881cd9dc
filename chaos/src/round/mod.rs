//! One round of a run.
//!
//! - `round`: the faults of a plan, one after another.
//! - `crash_point`: processes that end at a named point between two commands.
//! - `times`: how long a round waits.

mod crash_point;
#[expect(clippy::module_inception, reason = "the file is named for its main type")]
mod round;
mod times;

pub use round::Round;
