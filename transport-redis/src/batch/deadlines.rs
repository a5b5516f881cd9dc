use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::item::{BatchItem, BatchRequest};
use crate::client::ClientError;

/// Sends several items in one call: `attempt` sends the requests that it gets, in one step that may be repeated, until
/// a deadline. Each item is ended by its answer, or by an error once its own time is over, while the attempt continues
/// for the others. After an attempt without an answer, the items that have time left are sent again.
pub(crate) async fn ask_within_deadlines<T, R, A, F>(
    items: Vec<BatchItem<T, R>>,
    timeout: Duration,
    attempt: impl Fn(Vec<T>, Instant) -> F,
    mut end: impl FnMut(usize, BatchItem<T, R>, Result<&A, ClientError>),
) where
    T: BatchRequest + Clone,
    F: Future<Output = Result<A, ClientError>>,
{
    /// Of the call timeout: how long an attempt lasts at least, so that requests which come one after another
    /// don't end the attempts of the next ones before they can succeed.
    const SHORTEST: u32 = 4;
    // What was wrong with the last attempt.
    let mut said = "the server has not answered in time".to_owned();
    let mut left: Vec<Option<BatchItem<T, R>>> = items.into_iter().map(Some).collect();
    loop {
        left.retain(|slot| slot.as_ref().is_some_and(BatchItem::is_wanted));
        let times = || left.iter().flatten().map(|item| item.since + timeout);
        let (Some(first), Some(last)) = (times().min(), times().max()) else { return };
        let shortest = Instant::now() + timeout / SHORTEST;
        let deadline = first.max(shortest).min(last);
        let requests: Vec<T> = left.iter().flatten().map(|item| item.request.clone()).collect();
        let mut attempt = pin!(attempt(requests, deadline));
        let answer = loop {
            let next = left.iter().flatten().map(|item| item.since + timeout).min().unwrap_or(deadline);
            tokio::select! {
                biased;
                answer = &mut attempt => break answer,
                // Not with the last of them: then the attempt itself is over, and what it used is given up.
                () = sleep_until(next), if next < deadline => {
                    for (index, slot) in left.iter_mut().enumerate() {
                        if let Some(item) = slot.take_if(|item| item.since + timeout <= next) {
                            end(index, item, Err(ClientError::Timeout(said.clone())));
                        }
                    }
                }
            }
        };
        match answer {
            Ok(answer) => {
                let rest =
                    left.iter_mut().enumerate().filter_map(|(index, slot)| Some((index, slot.take()?)));
                rest.for_each(|(index, item)| end(index, item, Ok(&answer)));
            }
            Err(mut error) => {
                let may_repeat = matches!(error, ClientError::Timeout(_));
                if may_repeat {
                    // An attempt ends early when its next pause would be too long. The items still have their time.
                    sleep_until(deadline).await;
                }
                let now = Instant::now();
                if let ClientError::Timeout(why) = &mut error {
                    // One that had next to no time says no more than that.
                    if deadline >= shortest {
                        said.clone_from(why);
                    } else {
                        why.clone_from(&said);
                    }
                }
                for (index, slot) in left.iter_mut().enumerate() {
                    if let Some(item) = slot.take_if(|item| !may_repeat || item.since + timeout <= now) {
                        end(index, item, Err(error.clone()));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::channel::oneshot;
    use rhai_dispatcher_core::lock;
    use rhai_dispatcher_tokio_bridge::TokioBridge;

    use super::*;

    impl BatchRequest for Instant {
        type Group = ();

        fn group(&self) -> &() {
            &()
        }

        fn bytes(&self) -> usize {
            0
        }

        fn ends_with_caller(&self) -> bool {
            true
        }
    }

    #[test]
    fn each_of_a_batch_has_its_own_time() {
        const TIMEOUT: Duration = Duration::from_millis(200);
        let bridge = TokioBridge::new();
        let start = Instant::now();
        // An old item, a new one and one whose receiver is dropped, of a server that answers when the time of the old
        // one is over.
        let (old, new) = (start - TIMEOUT / 2, start);
        let (items, mut answers): (Vec<_>, Vec<_>) = [old, new, new]
            .into_iter()
            .map(|since| {
                let (answer, receiver) = oneshot::channel();
                (BatchItem { request: since, since, answer }, receiver)
            })
            .unzip();
        answers.pop();
        let attempts = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = std::sync::Arc::clone(&attempts);
        let run = bridge.run(async move {
            let attempt = |requests: Vec<Instant>, deadline| {
                lock(&seen).push(requests.len());
                async move {
                    if requests.len() == 2 {
                        sleep_until(deadline).await;
                        return Err(ClientError::Timeout("the first was not answered".into()));
                    }
                    Ok(7)
                }
            };
            ask_within_deadlines(items, TIMEOUT, attempt, |_, item, answer| item.answer(answer.copied()))
                .await;
        });
        futures::executor::block_on(run).expect("it ends");
        let mut answers =
            answers.into_iter().map(|answer| futures::executor::block_on(answer).expect("it is answered"));
        assert!(matches!(answers.next(), Some(Err(ClientError::Timeout(_)))), "its time was over");
        assert_eq!(answers.next(), Some(Ok(7)), "it was asked for again");
        assert_eq!(*lock(&attempts), [2, 1]);
    }
}
