use std::collections::HashMap;

use rhai_dispatcher::TaskId;

use crate::{Entry, Event, TaskKind};

/// The entries of the journal, by task.
#[derive(Debug, Default)]
pub struct Chronicle {
    /// The tasks.
    pub tasks: HashMap<TaskId, TaskStory>,
    /// The last entry of each process.
    pub latest: HashMap<u32, Entry>,
    /// The submitters that released a poison task among waiting tasks, and when.
    pub loosed: Vec<(u32, u64)>,
    /// Calls that failed and were repeated.
    pub failed_calls: usize,
    /// The texts of the first of them.
    pub failures: Vec<String>,
}

/// The entries about one task.
#[derive(Debug, Default)]
pub struct TaskStory {
    /// What it does, once it was accepted.
    pub kind: Option<TaskKind>,
    /// The process id of its submitter.
    pub submitter: Option<u32>,
    /// Its starts, in their order.
    pub starts: Vec<Start>,
    /// The waits for it.
    pub waits: Vec<TaskWait>,
}

/// One start of a task.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// When.
    pub at: u64,
    /// The process id of the worker.
    pub pid: u32,
}

/// One wait for a task.
#[derive(Debug)]
pub struct TaskWait {
    /// The process id of the waiter.
    pub pid: u32,
    /// When it began.
    pub since: u64,
    /// When and how it ended.
    pub end: Option<(u64, WaitEnd)>,
}

/// How a wait ended.
#[derive(Debug, PartialEq, Eq)]
pub enum WaitEnd {
    /// With this outcome.
    Outcome(String),
    /// The task is lost.
    Lost,
    /// With its timeout.
    TimedOut,
}

impl Chronicle {
    /// How many of the failures are kept.
    const FAILURES_KEPT: usize = 10;

    /// Adds an entry.
    pub fn add(&mut self, entry: Entry) {
        self.latest.insert(entry.pid, entry.clone());
        let Entry { at, pid, event } = entry;
        match event {
            Event::Started { task, .. } => self.of(task).starts.push(Start { at, pid }),
            Event::Accepted { task, kind } => {
                let story = self.of(task);
                story.kind = Some(kind);
                story.submitter = Some(pid);
            }
            Event::Waiting { task } => self.of(task).waits.push(TaskWait { pid, since: at, end: None }),
            Event::Outcome { task, outcome } => self.end(task, pid, at, WaitEnd::Outcome(outcome)),
            Event::Lost { task } => self.end(task, pid, at, WaitEnd::Lost),
            Event::TimedOut { task } => self.end(task, pid, at, WaitEnd::TimedOut),
            Event::Loosed {} => self.loosed.push((pid, at)),
            Event::Failed { error } => {
                self.failed_calls += 1;
                if self.failures.len() < Self::FAILURES_KEPT {
                    self.failures.push(error);
                }
            }
        }
    }

    fn of(&mut self, task: TaskId) -> &mut TaskStory {
        self.tasks.entry(task).or_default()
    }

    /// A wait whose beginning was not noted begins with its end.
    fn end(&mut self, task: TaskId, pid: u32, at: u64, end: WaitEnd) {
        let waits = &mut self.of(task).waits;
        match waits.iter_mut().find(|wait| wait.pid == pid && wait.end.is_none()) {
            Some(wait) => wait.end = Some((at, end)),
            None => waits.push(TaskWait { pid, since: at, end: Some((at, end)) }),
        }
    }
}
