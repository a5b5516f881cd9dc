use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use rhai_dispatcher_core::{TaskEvent, TaskId, lock};

use super::EventMessage;
use super::event_queue::EventQueue;
use super::resumption::Resumption;
use crate::error::ClientError;

/// A subscription, shared by its reader and the connection.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) task_id: TaskId,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    queue: EventQueue,
    resumption: Resumption,
    /// Its number on the present connection.
    number: Option<u64>,
    /// The last event is in the queue.
    is_ended: bool,
    /// The reader has gone.
    is_left: bool,
    reader: Option<Waker>,
}

impl Subscription {
    pub(crate) fn new(task_id: TaskId, max_events: usize) -> Self {
        let state = State {
            queue: EventQueue::new(max_events),
            resumption: Resumption::default(),
            number: None,
            is_ended: false,
            is_left: false,
            reader: None,
        };
        Self { task_id, state: Mutex::new(state) }
    }

    /// The gateway has given it a number. Whether it still has a reader.
    pub(crate) fn begin(&self, number: u64) -> bool {
        let mut state = lock(&self.state);
        state.number = Some(number);
        state.resumption.resume();
        !state.is_left
    }

    /// Takes an event. Whether more are wanted.
    pub(crate) fn take(&self, message: EventMessage) -> bool {
        let Some(event) = message.into_event() else { return true };
        let mut state = lock(&self.state);
        let event = match event {
            Ok(event) => match state.resumption.filter(event) {
                Some(event) => Ok(event),
                None => return true,
            },
            Err(error) => Err(error),
        };
        state.is_ended |= matches!(event, Ok(TaskEvent::Ended(_)) | Err(_));
        state.queue.push(event);
        let (more, reader) = (!state.is_ended, state.reader.take());
        drop(state);
        reader.into_iter().for_each(Waker::wake);
        more
    }

    /// It ends in an error.
    pub(crate) fn fail(&self, error: ClientError) {
        let mut state = lock(&self.state);
        if state.is_ended {
            return;
        }
        state.is_ended = true;
        state.queue.push(Err(error));
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }

    /// The connection has ended, with its number. Whether it is to continue on the next.
    pub(crate) fn lose(&self) -> bool {
        let mut state = lock(&self.state);
        state.number = None;
        !state.is_ended && !state.is_left
    }

    /// Its reader has gone. The number that the gateway knows it by, if it is to be told.
    pub(crate) fn leave(&self) -> Option<u64> {
        let mut state = lock(&self.state);
        state.is_left = true;
        state.number.take().filter(|_| !state.is_ended)
    }

    /// The next event; none after the last.
    pub(crate) fn poll_next(&self, context: &Context<'_>) -> Poll<Option<Result<TaskEvent, ClientError>>> {
        let mut state = lock(&self.state);
        match state.queue.pop() {
            Some(event) => Poll::Ready(Some(event)),
            None if state.is_ended => Poll::Ready(None),
            None => {
                state.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
