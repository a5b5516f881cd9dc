//! How tasks have ended: a bounded log for each worker id.

mod activity_log;
mod activity_logs;

pub(crate) use activity_log::ActivityLog;
pub(crate) use activity_logs::ActivityLogs;
