//! How tasks have ended: a bounded log for each worker id, and filters for it.

mod ended_run;
mod entry;
mod filter;
mod fingerprint;
mod logged;
mod position;
mod watch;

pub use ended_run::EndedRun;
pub use entry::{ActivityEntry, ActivityError};
pub use filter::{ActivityFilter, FilterError, Moment};
pub use fingerprint::ErrorFingerprint;
pub use logged::{ActivityRange, LoggedActivity};
pub use position::ActivityPosition;
pub use watch::{ActivityNews, ActivityQueue, ActivityWatch};
