//! The audit log: who did what, and when.

mod audit_file;
mod audit_log;
mod entry;

pub(crate) use audit_log::AuditLog;
pub(crate) use entry::AuditEntry;
