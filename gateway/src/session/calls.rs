use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::{BoxFuture, join_all};
use rhai_dispatcher::task::Json;

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

/// What a request has come to.
enum Reply {
    /// Its answer; none if it was a notification.
    Answered(Option<Answer>),
    /// What its connection has still to do; it has no id if it was a notification.
    Left(Option<Id>, Done),
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
        let answer_room = Arc::new(AnswerRoom::new(client.core.config.max_answer_bytes));
        for entry in entries {
            running.push(begin(client, entry, &mut count, room, Arc::clone(&answer_room)));
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
        for reply in self.replies {
            match reply {
                Reply::Answered(answer) => answers.extend(answer),
                Reply::Left(id, done) => {
                    let result = finish(done);
                    answers.extend(id.map(|id| Answer::of(&id, result.as_deref())));
                }
            }
        }
        if self.is_batch { Answer::batch(&answers) } else { answers.pop() }
    }
}

/// How many bytes the answers to the requests of one message may still have together. Each is counted as soon as it is
/// there, since all of them are kept until the last one is.
#[derive(Debug)]
struct AnswerRoom {
    max: usize,
    taken: AtomicUsize,
}

impl AnswerRoom {
    fn new(max: usize) -> Self {
        Self { max, taken: AtomicUsize::new(0) }
    }

    /// The answer, or an error in its place if it has no room. The first has room however long it is.
    fn admit(&self, id: &Id, answer: Answer) -> Answer {
        let (bytes, max) = (answer.len(), self.max);
        let taken = self.taken.fetch_add(bytes, Ordering::Relaxed);
        if taken == 0 || taken.saturating_add(bytes) <= max {
            return answer;
        }
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
        let reason = format!(
            "the call has ended, and its answer of {bytes} bytes is left out: those of one batch have at most {max}; send \
             smaller batches"
        );
        Answer::error(id, &ErrorObject::limit("max_answer_bytes", max, reason))
    }
}

fn begin(
    client: &Client,
    entry: Entry,
    count: &mut usize,
    room: usize,
    answer_room: Arc<AnswerRoom>,
) -> BoxFuture<'static, Reply> {
    let request = match entry {
        Ok(request) => request,
        Err((id, error)) => {
            return Box::pin(async move { Reply::Answered(Some(Answer::error(&id, &error))) });
        }
    };
    let id = request.id.clone();
    if *count >= room {
        let max = client.core.config.max_calls_per_connection;
        let reason = format!("the connection has {max} calls without an answer; wait for one of them");
        let error = ErrorObject::limit("max_calls_per_connection", max, reason);
        return Box::pin(async move { Reply::Answered(id.map(|id| Answer::error(&id, &error))) });
    }
    *count += 1;
    let call = method::run(client.context(id.is_none()), request);
    Box::pin(async move {
        let result = match call.await {
            Ok(Done::Json(json)) => Ok(json),
            Ok(done) => return Reply::Left(id, done),
            Err(error) => Err(error),
        };
        Reply::Answered(id.map(|id| {
            let answer = Answer::of(&id, result.as_ref().map(Json::as_str));
            answer_room.admit(&id, answer)
        }))
    })
}
