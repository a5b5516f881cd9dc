use futures::future::{BoxFuture, join_all};

use super::Client;
use crate::method::{self, Done};
use crate::rpc::{Answer, Code, Entry, ErrorObject, Id, Message};

/// The requests of one message.
pub(crate) struct Calls {
    /// How many of them run.
    count: usize,
    is_batch: bool,
    running: Vec<BoxFuture<'static, Reply>>,
}

/// What a request has come to; it has no id if it was a notification.
pub(super) struct Reply {
    id: Option<Id>,
    result: Result<Done, ErrorObject>,
}

/// The replies to the requests of one message.
pub(super) struct Replies {
    /// How many requests ran.
    pub(super) count: usize,
    is_batch: bool,
    replies: Vec<Reply>,
}

impl Calls {
    /// Begins at most `room` requests. Those beyond are refused.
    pub(crate) fn new(client: &Client, message: Message, room: usize) -> Self {
        let (is_batch, entries) = match message {
            Message::Single(entry) => (false, vec![*entry]),
            Message::Batch(entries) => (true, entries),
        };
        let (mut count, mut running) = (0, Vec::with_capacity(entries.len()));
        for entry in entries {
            running.push(begin(client, entry, &mut count, room));
        }
        Self { count, is_batch, running }
    }

    /// How many requests of it run.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) async fn replies(mut self) -> Replies {
        let replies = match (self.running.pop(), self.running.is_empty()) {
            // Most messages have one request.
            (Some(only), true) => vec![only.await],
            (last, _) => {
                self.running.extend(last);
                join_all(self.running).await
            }
        };
        Replies { count: self.count, is_batch: self.is_batch, replies }
    }

    /// The answer, of a client that can't subscribe; none if all requests were notifications.
    pub(crate) async fn answer(self) -> Option<Answer> {
        self.replies().await.into_answer(|_| Err(Code::InternalError.into()))
    }
}

impl Replies {
    /// The answer; none if all requests were notifications. `finish` makes the result of what a connection has to do
    /// itself.
    pub(super) fn into_answer(
        self,
        mut finish: impl FnMut(Done) -> Result<String, ErrorObject>,
    ) -> Option<Answer> {
        let mut answers = Vec::with_capacity(self.replies.len());
        for Reply { id, result } in self.replies {
            let result = result.and_then(|done| match done {
                Done::Json(json) => Ok(json.to_string()),
                done => finish(done),
            });
            match (id, result) {
                (None, _) => {}
                (Some(id), Ok(result)) => answers.push(Answer::result(&id, &result)),
                (Some(id), Err(error)) => answers.push(Answer::error(&id, &error)),
            }
        }
        if self.is_batch { Answer::batch(&answers) } else { answers.pop() }
    }
}

fn begin(client: &Client, entry: Entry, count: &mut usize, room: usize) -> BoxFuture<'static, Reply> {
    let request = match entry {
        Ok(request) => request,
        Err((id, error)) => return Box::pin(async move { Reply { id: Some(id), result: Err(error) } }),
    };
    let id = request.id.clone();
    if *count >= room {
        let max = client.core.config.max_calls_per_connection;
        let reason = format!("the connection has {max} calls without an answer; wait for one of them");
        let error = ErrorObject::limit("max_calls_per_connection", max, reason);
        return Box::pin(async move { Reply { id, result: Err(error) } });
    }
    *count += 1;
    let call = method::run(client.context(id.is_none()), request);
    Box::pin(async move { Reply { id, result: call.await } })
}
