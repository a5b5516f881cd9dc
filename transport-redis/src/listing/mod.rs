//! Lists for operators: queues by their numbers, and the tasks of a queue.

mod queues;
mod task_page;

pub(crate) use queues::read_queues;
pub(crate) use task_page::read_task_page;
