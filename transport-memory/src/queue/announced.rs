use std::collections::BTreeMap;
use std::sync::Arc;

use rhai_dispatcher_core::{InstanceReport, WallTime};

use super::figures::before;

/// What an instance has said of itself.
#[derive(Default)]
pub(crate) struct Announced {
    /// When it began.
    pub(crate) began: Option<WallTime>,
    pub(crate) description: Option<Arc<str>>,
    pub(crate) in_flight: BTreeMap<Arc<str>, u64>,
    /// The number of the last report.
    last: u64,
}

impl Announced {
    /// Notes what a report says. Whether it is new: not one that was sent again, or before a later one.
    pub(crate) fn note(&mut self, report: &InstanceReport, now: WallTime) -> bool {
        if report.sequence <= self.last {
            return false;
        }
        self.last = report.sequence;
        self.began.get_or_insert(before(now, report.uptime));
        if let Some(description) = &report.description {
            self.description = Some(Arc::clone(description));
        }
        self.in_flight.clone_from(&report.in_flight);
        true
    }
}
