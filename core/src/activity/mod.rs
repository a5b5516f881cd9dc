//! How tasks have ended: a bounded log for each worker id, and filters for it.

mod entry;
mod filter;
mod fingerprint;

pub use entry::{ActivityEntry, ActivityError};
pub use filter::{ActivityFilter, FilterError, Moment};
pub use fingerprint::ErrorFingerprint;
