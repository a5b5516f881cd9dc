//! Lists for operators: queues by their numbers, and the tasks of a queue.

mod queue_names;
mod queues;
mod task_page;

pub(crate) use queue_names::QueueNames;
pub(crate) use queues::{read_active, read_all_instances, read_queue, read_queues};
pub(crate) use task_page::read_task_page;
