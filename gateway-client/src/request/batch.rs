use std::fmt;
use std::marker::PhantomData;

use rhai_dispatcher_core::Invalid;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ClientError;
use crate::rpc::{Entry, RawAnswer, read_result};

/// Calls and notifications that are sent as one message, for [`GatewayClient::send`](crate::GatewayClient::send).
///
/// They run beside each other, in no order. Their answers come together, when the last is ready.
#[derive(Debug, Default)]
#[must_use = "it does nothing until a client sends it"]
pub struct Batch {
    entries: Vec<Entry>,
    calls: usize,
}

/// The answers to a batch.
#[derive(Debug)]
pub struct BatchAnswers {
    answers: Vec<Option<RawAnswer>>,
}

/// A call of a batch, whose result is an `R`.
pub struct BatchCall<R> {
    at: usize,
    result: PhantomData<fn() -> R>,
}

impl Batch {
    /// A batch without an entry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a call. What it returns takes the result from the answers.
    ///
    /// # Errors
    /// If `params` is neither an object nor an array in JSON, nor `()`.
    pub fn call<P, R>(&mut self, method: &str, params: &P) -> Result<BatchCall<R>, Invalid>
    where
        P: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        self.entries.push(Entry::call(method, params)?);
        self.calls += 1;
        Ok(BatchCall { at: self.calls - 1, result: PhantomData })
    }

    /// Adds a notification: a call that has no answer.
    ///
    /// # Errors
    /// If `params` is neither an object nor an array in JSON, nor `()`.
    pub fn notify<P: Serialize + ?Sized>(&mut self, method: &str, params: &P) -> Result<(), Invalid> {
        self.entries.push(Entry::notification(method, params)?);
        Ok(())
    }

    /// How many entries it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no entry. Then nothing is sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

impl BatchAnswers {
    pub(crate) fn new(answers: Vec<RawAnswer>) -> Self {
        Self { answers: answers.into_iter().map(Some).collect() }
    }

    /// Takes the result of a call.
    ///
    /// # Errors
    /// [`Refused`](ClientError::Refused), [`TimedOut`](ClientError::TimedOut) or [`Cancelled`](ClientError::Cancelled) as for
    /// a call of its own; [`BadAnswer`](ClientError::BadAnswer) if the result is not an `R`, or if the call is one of another
    /// batch.
    pub fn take<R: DeserializeOwned>(&mut self, call: BatchCall<R>) -> Result<R, ClientError> {
        let answer = self.answers.get_mut(call.at).and_then(Option::take);
        read_result(answer.ok_or_else(|| ClientError::bad_answer("the call is one of another batch"))?)
    }
}

impl<R> fmt::Debug for BatchCall<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchCall").field("at", &self.at).finish()
    }
}
