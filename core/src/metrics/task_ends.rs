use metrics::{Counter, counter};

use crate::{Finish, Finished, Outcome, TransportError, WorkerId};

/// The ends of tasks that a worker has written.
#[derive(Debug)]
pub(crate) struct TaskEnds {
    counters: [Counter; KINDS],
}

/// The ends of one batch.
#[derive(Debug, Default)]
pub(crate) struct EndsOfBatch([u64; KINDS]);

/// How many ways there are to end: the first are the statuses of outcomes.
const KINDS: usize = 7;
const RETRIED: usize = 3;
const RELEASED: usize = 4;
const GIVEN_UP: usize = 5;
const FENCED: usize = 6;

impl TaskEnds {
    pub(crate) fn new(worker_id: &WorkerId) -> Self {
        let id = || worker_id.to_string();
        let ended = |status: &'static str| counter!("rhai_tasks_ended_total", "worker_id" => id(), "status" => status);
        Self {
            counters: [
                ended("completed"),
                ended("error"),
                ended("cancelled"),
                counter!("rhai_tasks_retried_total", "worker_id" => id()),
                counter!("rhai_tasks_released_total", "worker_id" => id()),
                counter!("rhai_tasks_given_up_total", "worker_id" => id()),
                counter!("rhai_tasks_fenced_total", "worker_id" => id()),
            ],
        }
    }

    pub(crate) fn add(&self, batch: &EndsOfBatch) {
        for (counter, count) in self.counters.iter().zip(batch.0) {
            if count > 0 {
                counter.increment(count);
            }
        }
    }
}

impl EndsOfBatch {
    /// Notes the answer to an end; one that was not written is not counted.
    pub(crate) fn note(&mut self, finish: &Finish, answer: &Result<Finished, TransportError>) {
        let kind = match (answer, finish) {
            (Ok(Finished::Fenced), _) => FENCED,
            (Ok(Finished::AlreadyTerminal(_)) | Err(_), _) => return,
            (Ok(Finished::Written), Finish::Outcome(Outcome::Completed(_))) => 0,
            (Ok(Finished::Written), Finish::Outcome(Outcome::Error(_))) => 1,
            (Ok(Finished::Written), Finish::Outcome(Outcome::Cancelled(_))) => 2,
            (Ok(Finished::Written), Finish::RetryIn(..)) => RETRIED,
            (Ok(Finished::Written), Finish::Release) => RELEASED,
            (Ok(Finished::Written), Finish::Requeue | Finish::Abandon) => GIVEN_UP,
        };
        self.0[kind] += 1;
    }
}
