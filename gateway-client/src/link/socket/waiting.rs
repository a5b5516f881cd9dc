use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use foldhash::fast::RandomState;
use rhai_dispatcher_core::lock;
use serde_json::value::RawValue;
use tokio::sync::{Notify, oneshot};

use super::failure::Failure;
use super::message::Message;
use crate::error::ClientError;
use crate::events::{EventMessage, Subscription};
use crate::rpc::{Incoming, RawAnswer};

/// What waits for the gateway: calls for their answers, and subscriptions for their events.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    table: Mutex<Table>,
    /// Wakes the writer for `unsubscribe`.
    pub(super) changed: Notify,
}

#[derive(Debug, Default)]
struct Table {
    calls: HashMap<u64, Waiter, RandomState>,
    /// By their numbers on the present connection.
    subscriptions: HashMap<u64, Arc<Subscription>, RandomState>,
    /// Subscriptions of connections before.
    lost: Vec<Arc<Subscription>>,
    /// Numbers of subscriptions that the gateway is to end.
    unsubscribe: Vec<u64>,
    /// Messages that are sent before those of the queue.
    first: VecDeque<Arc<Message>>,
    failure: Option<Failure>,
}

#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) message: Arc<Message>,
    /// None if no caller waits: a subscription continues.
    pub(super) to: Option<oneshot::Sender<Result<RawAnswer, ClientError>>>,
    /// The subscription that the call begins.
    pub(super) subscription: Option<Arc<Subscription>>,
}

impl Waiting {
    pub(super) fn add(&self, id: u64, waiter: Waiter) {
        lock(&self.table).calls.insert(id, waiter);
    }

    /// The callers have gone.
    pub(super) fn remove(&self, message: &Message) {
        message.withdraw();
        let mut table = lock(&self.table);
        for id in message.ids.clone() {
            // The answer to a subscription has its number, which the gateway is to be told.
            match table.calls.get_mut(&id) {
                Some(waiter) if waiter.subscription.is_some() && message.is_sent() => waiter.to = None,
                _ => drop(table.calls.remove(&id)),
            }
        }
    }

    /// Adds a message before those of the queue.
    pub(super) fn put_first(&self, message: Arc<Message>) {
        lock(&self.table).first.push_back(message);
    }

    pub(super) fn pop_first(&self) -> Option<Arc<Message>> {
        lock(&self.table).first.pop_front()
    }

    /// Whether a connection is needed, apart from the queue.
    pub(super) fn has_work(&self) -> bool {
        let table = lock(&self.table);
        !table.first.is_empty() || !table.lost.is_empty()
    }

    /// The subscriptions that the new connection has to begin.
    pub(super) fn connected(&self) -> Vec<Arc<Subscription>> {
        let mut table = lock(&self.table);
        table.failure = None;
        std::mem::take(&mut table.lost)
    }

    pub(super) fn failure(&self) -> Option<Failure> {
        lock(&self.table).failure.clone()
    }

    /// Takes a message from the gateway.
    pub(super) fn take(&self, text: &[u8]) -> Result<(), ClientError> {
        for incoming in Incoming::read_all(text)? {
            match incoming {
                Incoming::Answer(Some(id), answer) => self.answer(id, answer),
                Incoming::Answer(None, answer) => self.answer_unread(answer),
                Incoming::Event(event) => self.event(*event),
                Incoming::Other => {}
            }
        }
        Ok(())
    }

    /// A message without a call was written.
    pub(super) fn written(&self, message: &Message) {
        for id in message.ids.clone() {
            self.answer(id, Ok(RawValue::NULL.to_owned()));
        }
    }

    fn answer(&self, id: u64, answer: RawAnswer) {
        let mut table = lock(&self.table);
        // The caller may have given up.
        let Some(waiter) = table.calls.remove(&id) else { return };
        let begun = waiter.subscription.map(|subscription| {
            let begun = table.begin(&subscription, &answer);
            (subscription, begun)
        });
        drop(table);
        match begun {
            None | Some((_, Ok(true))) => {}
            Some((_, Ok(false))) => self.changed.notify_one(),
            Some((subscription, Err(error))) => subscription.fail(error),
        }
        if let Some(to) = waiter.to {
            // As above.
            let _ = to.send(Ok(answer));
        }
    }

    /// The gateway could not read a message, and so knows no id. All messages here are well formed, so that it was a batch
    /// with more entries than it takes.
    fn answer_unread(&self, answer: RawAnswer) {
        let Err(refusal) = answer else { return };
        let Some(max) = refusal.max() else {
            tracing::warn!(%refusal, "the gateway could not read a message");
            return;
        };
        let is_refused = |waiter: &Waiter| waiter.message.batch.is_some_and(|len| len as u64 > max);
        let refused: Vec<_> = lock(&self.table).calls.extract_if(|_, waiter| is_refused(waiter)).collect();
        for to in refused.into_iter().filter_map(|(_, waiter)| waiter.to) {
            let _ = to.send(Err(refusal.clone().into()));
        }
    }

    fn event(&self, event: EventMessage) {
        let number = event.subscription;
        let subscription = lock(&self.table).subscriptions.get(&number).cloned();
        // One that has just been ended may have had events underway.
        let Some(subscription) = subscription else { return };
        if !subscription.take(event) {
            lock(&self.table).subscriptions.remove(&number);
        }
    }

    /// The reader of a subscription has gone.
    pub(super) fn leave(&self, subscription: &Subscription) {
        let mut table = lock(&self.table);
        let Some(number) = subscription.leave() else { return };
        table.subscriptions.remove(&number);
        table.unsubscribe.push(number);
        drop(table);
        self.changed.notify_one();
    }

    /// The subscriptions that the gateway is to end.
    pub(super) fn take_unsubscribe(&self) -> Vec<u64> {
        std::mem::take(&mut lock(&self.table).unsubscribe)
    }

    /// The connection has ended, or could not be made. Calls that were sent and only read are sent again, and subscriptions
    /// begin again, over the next; so are all calls if the gateway has begun none of them.
    pub(super) fn fail(&self, failure: &Failure) {
        let is_refused = matches!(failure, Failure::Refused(_));
        let mut table = lock(&self.table);
        table.failure = Some(failure.clone());
        table.unsubscribe.clear();
        let living = std::mem::take(&mut table.subscriptions).into_values().filter(|living| living.lose());
        table.lost.extend(living);
        table.lost.retain(|subscription| subscription.lose());
        let refused = if is_refused { std::mem::take(&mut table.lost) } else { Vec::new() };
        let mut again: Vec<Arc<Message>> = Vec::new();
        let failed = table.calls.extract_if(|_, waiter| {
            let message = &waiter.message;
            if is_refused {
                return true;
            }
            if !message.is_sent() {
                return false;
            }
            if message.only_reads || failure.began_nothing() {
                message.requeue();
                again.push(Arc::clone(message));
                return false;
            }
            true
        });
        let failed: Vec<Waiter> = failed.map(|(_, waiter)| waiter).collect();
        // As they were sent first.
        again.sort_by_key(|message| message.ids.start);
        table.first.extend(again);
        if is_refused {
            table.first.clear();
        }
        drop(table);
        for waiter in failed {
            let error = match waiter.message.is_sent() && !waiter.message.only_reads {
                true => failure.sent(),
                false => failure.not_sent(),
            };
            waiter.message.withdraw();
            match (waiter.to, waiter.subscription) {
                (Some(to), _) => drop(to.send(Err(error))),
                (None, Some(subscription)) => subscription.fail(error),
                (None, None) => {}
            }
        }
        refused.iter().for_each(|subscription| subscription.fail(failure.not_sent()));
    }
}

impl Table {
    /// Takes the answer to a subscription. Whether it has a reader; if not, the gateway is to end it.
    fn begin(&mut self, subscription: &Arc<Subscription>, answer: &RawAnswer) -> Result<bool, ClientError> {
        let number = answer.as_ref().map_err(|refusal| ClientError::from(refusal.clone()))?;
        let number = number.get().parse();
        let number = number.map_err(|_| ClientError::bad_answer("a subscription has no number"))?;
        let has_reader = subscription.begin(number);
        match has_reader {
            true => drop(self.subscriptions.insert(number, Arc::clone(subscription))),
            false => self.unsubscribe.push(number),
        }
        Ok(has_reader)
    }
}
