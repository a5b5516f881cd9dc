//! The audit log: who did what, and when.

mod audit_file;
mod audit_log;
mod entry;
mod to_its_end;

pub(crate) use audit_log::AuditLog;
pub(crate) use entry::AuditEntry;
pub(crate) use to_its_end::to_its_end;
