//! What is rare: claims whose answer was lost, and reports of crashes.

mod crash_report;
mod lost_claims;

pub(crate) use crash_report::report_crash;
pub(crate) use lost_claims::recover;
