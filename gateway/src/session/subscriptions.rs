use futures::StreamExt;
use futures::future::{AbortHandle, Abortable};
use futures::stream::{BoxStream, SelectAll};
use rhai_dispatcher::task::TaskEvent;
use rhai_dispatcher::{RhaiDispatcher, RhaiDispatcherError, TaskId};
use std::collections::HashMap;

use super::event_json::{event_message, failure_message};
use crate::core::Core;
use crate::method::of_error;
use crate::metrics::Counted;
use crate::rpc::ErrorObject;

/// The subscriptions of one connection.
///
/// An event is taken from its task only when it can be queued for the client. A client that reads slowly so loses the oldest
/// lines, and is told how many; nothing gathers here.
#[derive(Default)]
pub(super) struct Subscriptions {
    streams: SelectAll<BoxStream<'static, (u64, TaskId, Option<Event>)>>,
    living: HashMap<u64, (AbortHandle, Counted)>,
    last: u64,
}

type Event = Result<TaskEvent, RhaiDispatcherError>;

impl Subscriptions {
    /// Subscribes to a task. Returns the number of the subscription.
    ///
    /// # Errors
    /// If there are `max_subscriptions` already.
    pub(super) fn add(
        &mut self,
        core: &Core,
        dispatcher: &RhaiDispatcher,
        task: TaskId,
    ) -> Result<u64, ErrorObject> {
        let max = core.config.max_subscriptions;
        if self.living.len() >= max {
            let reason = format!("the connection has {max} subscriptions; end one by task.unsubscribe");
            return Err(ErrorObject::limit("max_subscriptions", max, reason));
        }
        self.last += 1;
        let number = self.last;
        let (handle, registration) = AbortHandle::new_pair();
        let events = Abortable::new(dispatcher.events(task), registration);
        let events = events.map(move |event| (number, task, Some(event)));
        let end = futures::stream::once(async move { (number, task, None) });
        self.living.insert(number, (handle, Counted::new(&core.traffic.subscriptions)));
        self.streams.push(events.chain(end).boxed());
        Ok(number)
    }

    /// Ends a subscription. Whether there was one.
    pub(super) fn remove(&mut self, number: u64) -> bool {
        self.living.remove(&number).inspect(|(handle, _)| handle.abort()).is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.living.is_empty()
    }

    /// The next event as a message. Pending without a subscription.
    pub(super) async fn next(&mut self) -> String {
        loop {
            match self.streams.next().await {
                // What an ended subscription still had is not told.
                Some((number, task, Some(event))) if self.living.contains_key(&number) => {
                    return match event {
                        Ok(event) => event_message(number, task, &event),
                        Err(error) => failure_message(number, task, &of_error(error)),
                    };
                }
                Some((number, _, None)) => drop(self.living.remove(&number)),
                Some(_) => {}
                None => futures::future::pending().await,
            }
        }
    }
}
