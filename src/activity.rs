//! How tasks have ended, and why: entries of a bounded log for each worker id, the filter for them, and groups of errors.
//!
//! ```
//! use rhai_dispatcher::{RhaiDispatcher, TaskStatus};
//!
//! # futures::executor::block_on(async {
//! let client = RhaiDispatcher::connect("memory:").await?;
//! client.new_play_request().worker_id("worker-1").script("40 + 2").await?;
//! client.new_play_request().worker_id("worker-1").script("throw `card 17 was declined`").await?;
//! client.new_play_request().worker_id("worker-1").script("throw `card 23 was declined`").await?;
//!
//! # // The worker logs an end when it has told it.
//! # while client.activity("worker:worker-1".parse()?).await?.entries.len() < 3 {}
//! let page = client.activity("worker:worker-1 since:1h".parse()?).limit(10).await?;
//! assert_eq!(page.entries.len(), 3);
//! assert_eq!(page.entries[2].status, TaskStatus::Completed);
//!
//! let errors = client.errors("declined".parse()?).await?;
//! assert_eq!((errors.groups.len(), errors.groups[0].count), (1, 2));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! A filter has the same text form here, in the command and in the dashboard; [`ActivityFilter`] lists its fields.
//!
//! ```
//! use rhai_dispatcher::activity::ActivityFilter;
//!
//! let error = "status:eror".parse::<ActivityFilter>().expect_err("not a status");
//! assert_eq!((error.column, error.width), (8, 4));
//! ```
//!
//! Workers send what has ended within 250 ms, so an entry may come that late over Redis, and a worker that dies takes what it
//! had gathered with it. The record of a task is the truth about it.

pub use rhai_dispatcher_core::{
    ActivityCursor, ActivityEntry, ActivityError, ActivityFilter, ActivityNews, ActivityPage,
    ActivityPosition, ActivityQueue, ActivityRange, ActivityRequest, ActivityWatch, EndedRun,
    ErrorFingerprint, ErrorGroup, ErrorGroups, FilterError, LoggedActivity, Moment,
};
