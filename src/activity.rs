//! How tasks have ended, and why: entries of a bounded log for each worker id, and the filter for them.
//!
//! A filter has the same text form here, in the command and in the dashboard; [`ActivityFilter`] lists its fields.
//!
//! ```
//! use rhai_dispatcher::activity::ActivityFilter;
//!
//! let filter: ActivityFilter = "status:error worker:billing since:1h \"card declined\"".parse()?;
//! assert_eq!(filter.worker_ids()[0].as_str(), "billing");
//! let error = "status:eror".parse::<ActivityFilter>().expect_err("not a status");
//! assert_eq!((error.column, error.width), (8, 4));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

pub use rhai_dispatcher_core::{
    ActivityEntry, ActivityError, ActivityFilter, ErrorFingerprint, FilterError, Moment,
};
