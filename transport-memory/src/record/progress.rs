use rhai_dispatcher_core::{
    CancelReason, InstanceId, Outcome, Output, Task, TaskDetails, TaskError, TaskId, TaskLog, TaskStatus,
    WallTime,
};

/// What changes of a task, in the words of [`TaskDetails`].
///
/// The rest of its details is in the [`Task`] and is put together when a caller reads them. Its strings
/// are shared by many tasks, so each copy of it that a lane made or dropped would be a count that
/// lanes and callers contend for.
pub(crate) struct Progress {
    pub(crate) status: TaskStatus,
    output: Option<Output>,
    pub(crate) error: Option<TaskError>,
    cancel_reason: Option<CancelReason>,
    pub(crate) delivery: u32,
    pub(crate) attempt: u32,
    pub(crate) deaths: u32,
    /// For how many of the deaths it is to blame.
    pub(crate) blamed: u32,
    pub(crate) instance: Option<InstanceId>,
    log: TaskLog,
    /// What it dispatched.
    pub(crate) children: Vec<TaskId>,
    created_at: WallTime,
    pub(crate) updated_at: WallTime,
    pub(crate) started_at: Option<WallTime>,
    pub(crate) run_at: Option<WallTime>,
}

impl Progress {
    /// A task that has just been accepted.
    pub(crate) fn accepted(task: &Task, now: WallTime) -> Self {
        Self {
            status: TaskStatus::Pending,
            output: None,
            error: None,
            cancel_reason: None,
            delivery: 0,
            attempt: 0,
            deaths: 0,
            blamed: 0,
            instance: None,
            log: TaskLog::new(),
            children: Vec::new(),
            created_at: now,
            updated_at: now,
            started_at: None,
            run_at: (!task.delay.is_zero()).then(|| now + task.delay),
        }
    }

    pub(crate) fn end(&mut self, outcome: Outcome, log: TaskLog) {
        self.status = outcome.status();
        (self.output, self.error, self.cancel_reason) = match outcome {
            Outcome::Completed(output) => (Some(output), None, None),
            Outcome::Error(error) => (None, Some(error), None),
            Outcome::Cancelled(reason) => (None, None, Some(reason)),
        };
        self.log = log;
    }

    /// When it was accepted.
    pub(crate) fn created_at(&self) -> WallTime {
        self.created_at
    }

    /// Since when it could have been started: its acceptance, or the end of its delay or backoff.
    pub(crate) fn waits_since(&self) -> WallTime {
        self.run_at.unwrap_or(self.created_at)
    }

    /// Whether it starts in a group of the quarantine.
    pub(crate) fn is_quarantined(&self) -> bool {
        self.deaths >= 2 || self.blamed > 0
    }

    /// All that is known of the task.
    pub(crate) fn details(&self, task: &Task) -> TaskDetails {
        let mut details = TaskDetails::accepted(task, self.created_at);
        details.status = self.status;
        details.output = self.output.clone();
        details.error = self.error.clone();
        details.cancel_reason = self.cancel_reason;
        details.delivery = self.delivery;
        details.attempt = self.attempt;
        details.deaths = self.deaths;
        details.instance = self.instance;
        details.log = self.log.clone();
        details.children = self.children.clone();
        details.updated_at = self.updated_at;
        details.started_at = self.started_at;
        details.run_at = self.run_at;
        details
    }

    /// The size of what the run left, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let output = self.output.as_ref().map_or(0, |output| output.as_json().as_str().len());
        let error = self.error.as_ref().map_or(0, |error| {
            error.message.len() + error.value.as_ref().map_or(0, |value| value.as_str().len())
        });
        output + error + 16 * self.children.len() + self.log.bytes() + 64 * self.log.lines().len()
    }
}
