use crate::{ActivityFilter, QueueInfo, QueuePart, TaskStatus};

/// One reading of a part of the queues.
///
/// Those that run are read first, for the reader of the list. All others follow in the order in which a task moves, so that
/// one which moves while the list is read is met where it is then: what waits for its time becomes ready, and what is
/// quarantined or ready starts. In the end come those that have started since the list began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    Running,
    Quarantined,
    Delayed,
    Ready,
    Started,
}

impl Pass {
    const ALL: [Self; 5] = [Self::Running, Self::Quarantined, Self::Delayed, Self::Ready, Self::Started];

    /// What a filter needs, in their order.
    pub(super) fn all_for(filter: &ActivityFilter) -> &'static [Self] {
        match (filter.has_status(TaskStatus::Processing), filter.has_status(TaskStatus::Pending)) {
            (true, true) => &Self::ALL,
            (true, false) => &[Self::Running],
            (false, true) => &[Self::Quarantined, Self::Delayed, Self::Ready],
            (false, false) => &[],
        }
    }

    /// What it reads.
    pub(super) const fn part(self) -> QueuePart {
        match self {
            Self::Running | Self::Started => QueuePart::Running,
            Self::Quarantined => QueuePart::Quarantined,
            Self::Delayed => QueuePart::Delayed,
            Self::Ready => QueuePart::Ready,
        }
    }

    /// About how many tasks it finds in a queue that had these numbers.
    pub(super) fn count(self, queue: &QueueInfo) -> usize {
        match self {
            Self::Running | Self::Started => queue.claimed,
            Self::Quarantined => queue.quarantined,
            Self::Delayed => queue.delayed,
            Self::Ready => queue.ready.iter().sum(),
        }
    }

    /// Whether it may find tasks that were in a queue when that had these numbers.
    pub(super) fn may_find(self, queue: &QueueInfo) -> bool {
        let (delayed, quarantined, running) = (queue.delayed, queue.quarantined, queue.claimed);
        match self {
            // What runs may be quarantined, delayed and released.
            Self::Quarantined => quarantined + running > 0,
            Self::Delayed => delayed + running > 0,
            // Tasks that only workers of a later version can read wait there, and are not counted.
            Self::Ready => true,
            // A task that has started since the numbers were read may run now.
            Self::Running | Self::Started => Self::Ready.count(queue) + delayed + quarantined + running > 0,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Quarantined => "quarantined",
            Self::Delayed => "delayed",
            Self::Ready => "ready",
            Self::Started => "started",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pass| pass.as_str() == text)
    }
}
