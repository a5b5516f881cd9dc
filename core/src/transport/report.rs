use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::{Counters, WallTime};

/// What an instance says of itself: what it has, what it runs, and what it has counted since its last report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceReport {
    /// The number of the report, 1-based. `added` counts once for each number, in ascending order.
    pub sequence: u64,
    /// What it has, as the JSON text of an [`InstanceDescription`](crate::InstanceDescription). `None`: as in the last
    /// report that had one.
    pub description: Option<Arc<str>>,
    /// How long the instance has existed.
    pub uptime: Duration,
    /// How many calls of each method it runs now; methods without one are left out.
    pub in_flight: BTreeMap<Arc<str>, u64>,
    /// What has been counted since the report before; at most [`MAX_ADDED`](Self::MAX_ADDED) methods.
    pub added: Vec<Added>,
}

impl InstanceReport {
    /// The name under which calls are counted whose method has no figures of its own: unknown methods, and those beyond
    /// a `max_figures`. It is not the name of a method.
    pub const OTHER: &str = "*";

    /// The most methods of one report: bounds how long it keeps a server from others.
    pub const MAX_ADDED: usize = 100;

    /// Whether it has as many methods as it may have, so that there may be more.
    pub(crate) fn is_full(&self) -> bool {
        self.added.len() >= Self::MAX_ADDED
    }
}

/// What was counted of one method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// The method, or [`InstanceReport::OTHER`].
    pub name: Arc<str>,
    /// What is added to its counters.
    pub counters: Counters,
    /// How long ago the last of these runs ended.
    pub idle_for: Duration,
}

/// The answer to a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reported {
    /// Whether the transport has a description of the instance. If not, the next report has to have one.
    pub has_description: bool,
}

/// The counters of one method of a worker id, over all its instances, past ones included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodFigures {
    /// The method, or [`InstanceReport::OTHER`].
    pub name: Arc<str>,
    /// The sums.
    pub counters: Counters,
    /// When the last run ended, by the transport's clock.
    pub last_activity: WallTime,
}
