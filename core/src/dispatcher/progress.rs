use std::fmt;

use crate::{InstanceId, Priority, QueueInfo, TaskError, TaskStatus, TaskSummary, WallTime, WorkerId};

/// Why a task has no outcome yet: what it waited for, or since when it runs, at one moment.
///
/// As text it is the reason alone, such as `no worker serves worker-1`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The transport had not accepted the task.
    NotAccepted,
    /// The task waits to be started. The numbers of its queue are not known.
    NotStarted {
        /// The queue.
        worker_id: WorkerId,
    },
    /// The task waits, and no instance serves its worker id.
    NotServed {
        /// The queue.
        worker_id: WorkerId,
    },
    /// The task waits in a queue that is paused.
    Paused {
        /// The queue.
        worker_id: WorkerId,
    },
    /// The task waits behind others.
    Queued {
        /// The queue.
        worker_id: WorkerId,
        /// About how many tasks are ahead of it: those of its priority and of higher ones.
        ahead: usize,
        /// How many tasks of the queue run.
        running: usize,
        /// How many instances serve the queue.
        instances: usize,
    },
    /// The task waits until its delay is over.
    Delayed {
        /// The end of the delay.
        until: WallTime,
    },
    /// The task failed, and waits for its next try.
    Retrying {
        /// How many tries have failed.
        failed: u32,
        /// The time of the next try.
        until: Option<WallTime>,
        /// The error of the last try.
        error: TaskError,
    },
    /// The task runs.
    Running {
        /// The start of this run.
        since: Option<WallTime>,
        /// The instance that runs it.
        instance: Option<InstanceId>,
    },
    /// The task has ended in the meantime.
    Ended(TaskStatus),
    /// The transport could not be asked in time.
    Unknown,
}

impl Progress {
    /// Whether the task was waiting, and not running.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        !matches!(self, Self::Running { .. } | Self::Ended(_) | Self::Unknown)
    }

    /// The progress of a task by its record and the numbers of its queue. Of a task that is cancelled by now, its
    /// progress before that.
    pub(in crate::dispatcher) fn of(task: &TaskSummary, queue: Option<&QueueInfo>, now: WallTime) -> Self {
        match task.status {
            TaskStatus::Pending => Self::of_waiting(task, queue, now),
            TaskStatus::Processing => Self::Running { since: task.started_at, instance: task.instance },
            // It never started: what it waited for until it was cancelled.
            TaskStatus::Cancelled if task.delivery == 0 => Self::of_waiting(task, queue, now),
            // It ran until it was cancelled.
            TaskStatus::Cancelled => Self::Running { since: task.started_at, instance: task.instance },
            ended => Self::Ended(ended),
        }
    }

    fn of_waiting(task: &TaskSummary, queue: Option<&QueueInfo>, now: WallTime) -> Self {
        let until = task.run_at.filter(|run_at| *run_at > now);
        if let Some(error) = &task.error {
            return Self::Retrying { failed: task.attempt, until, error: error.clone() };
        }
        if let Some(until) = until {
            return Self::Delayed { until };
        }
        let worker_id = task.worker_id.clone();
        match queue {
            None => Self::NotStarted { worker_id },
            Some(queue) if queue.instances == 0 => Self::NotServed { worker_id },
            Some(queue) if queue.paused => Self::Paused { worker_id },
            Some(queue) => {
                let ranks = Priority::ALL.iter().zip(queue.ready);
                let before = ranks.take_while(|(priority, _)| **priority != task.priority);
                let before: usize = before.map(|(_, ready)| ready).sum();
                let beside = Priority::ALL.iter().position(|priority| *priority == task.priority);
                let beside = beside.map_or(0, |rank| queue.ready[rank]);
                let itself = usize::from(task.status == TaskStatus::Pending);
                Self::Queued {
                    worker_id,
                    ahead: (before + beside).saturating_sub(itself),
                    running: queue.claimed,
                    instances: queue.instances,
                }
            }
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAccepted => f.write_str("the transport had not accepted it"),
            Self::NotStarted { worker_id } => write!(f, "no worker of {worker_id} has started it"),
            Self::NotServed { worker_id } => write!(f, "no worker serves {worker_id}"),
            Self::Paused { worker_id } => write!(f, "the queue of {worker_id} is paused"),
            Self::Queued { worker_id, ahead, running, instances } => write!(
                f,
                "it waits for {worker_id}: about {ahead} tasks are ahead of it, and {running} run on {instances} \
                 instance(s)"
            ),
            Self::Delayed { until } => write!(f, "its delay ends at {until}"),
            Self::Retrying { failed, until: Some(until), error } => {
                write!(f, "try {failed} failed, and the next one starts at {until}; {error}")
            }
            Self::Retrying { failed, until: None, error } => {
                write!(f, "try {failed} failed, and the next one has not started; {error}")
            }
            Self::Running { since, instance } => {
                f.write_str("it has been running")?;
                if let Some(since) = since {
                    write!(f, " since {since}")?;
                }
                if let Some(instance) = instance {
                    write!(f, " on instance {instance}")?;
                }
                Ok(())
            }
            Self::Ended(status) => write!(f, "it is {status} now"),
            Self::Unknown => f.write_str("the transport did not say why in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Payload, Task, TaskDetails, TaskErrorKind};

    const NOW: WallTime = WallTime::from_millis(1_700_000_000_000);

    fn queue() -> QueueInfo {
        QueueInfo {
            worker_id: worker_id(),
            ready: [3, 5, 7],
            oldest_ready: Some(NOW),
            delayed: 0,
            quarantined: 0,
            claimed: 2,
            instances: 1,
            paused: false,
        }
    }

    fn worker_id() -> WorkerId {
        WorkerId::try_from("worker-1").expect("an id")
    }

    fn waiting() -> TaskDetails {
        TaskDetails::accepted(&Task::new(worker_id(), Payload::script("1"), "caller-1"), NOW)
    }

    fn says(details: &TaskDetails, queue: &QueueInfo) -> String {
        Progress::of(&TaskSummary::from(details), Some(queue), NOW).to_string()
    }

    #[test]
    fn a_waiting_task_names_what_it_waits_for() {
        let mut details = waiting();
        let ahead = "it waits for worker-1: about 7 tasks are ahead of it, and 2 run on 1 instance(s)";
        assert_eq!(says(&details, &queue()), ahead);
        assert_eq!(says(&details, &QueueInfo { paused: true, ..queue() }), "the queue of worker-1 is paused");
        let unserved = QueueInfo { paused: true, instances: 0, ..queue() };
        assert_eq!(says(&details, &unserved), "no worker serves worker-1");
        assert_eq!(
            Progress::of(&TaskSummary::from(&details), None, NOW),
            Progress::NotStarted { worker_id: worker_id() }
        );

        details.run_at = Some(WallTime::from_millis(1_700_000_001_000));
        assert_eq!(says(&details, &unserved), "its delay ends at 2023-11-14T22:13:21.000Z");
        (details.attempt, details.error) = (1, Some(TaskError::new(TaskErrorKind::Runtime, "no")));
        let retry = "try 1 failed, and the next one starts at 2023-11-14T22:13:21.000Z; runtime: no";
        assert_eq!(says(&details, &unserved), retry);
    }

    #[test]
    fn a_task_that_was_withdrawn_names_what_it_did_before() {
        let mut details = waiting();
        details.status = TaskStatus::Cancelled;
        assert!(says(&details, &queue()).contains("about 8 tasks"), "it is none of them any more");
        (details.delivery, details.started_at) = (1, Some(NOW));
        assert_eq!(says(&details, &queue()), "it has been running since 2023-11-14T22:13:20.000Z");
    }
}
