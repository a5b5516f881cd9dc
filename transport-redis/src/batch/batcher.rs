use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::channel::oneshot;
use futures::stream::{FuturesUnordered, StreamExt};
use rhai_dispatcher_tokio_bridge::TokioBridge;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::item::BatchItem;
use crate::client::ClientError;

/// Gathers what is asked at about the same time into batches.
///
/// While a batch is under way, what comes gathers; when none is, a single request goes at once. So batches
/// form under load, and cost nothing without. Each request has its own time, whatever batch it is in, or
/// whether it has got into one.
#[derive(Debug)]
pub(crate) struct Batcher<T, R> {
    sender: mpsc::UnboundedSender<BatchItem<T, R>>,
}

/// How many make a second batch worth sending while one is under way, so that the server has the next one
/// when it is done with the first. A smaller one would cost more than it gains.
const WORTH_ANOTHER: usize = 16;

/// What one batch may hold. Bounds how long one script keeps the server from others (about a
/// millisecond), and what Lua has to unpack.
pub(crate) const LARGEST: usize = 128;

impl<T: Send + 'static, R: Send + 'static> Batcher<T, R> {
    /// `run` answers all items of a batch. One that is in no batch after `timeout` is ended by `end_late`, with what `why`
    /// says is wrong.
    pub(crate) fn spawn<F, Fut>(
        bridge: &TokioBridge,
        timeout: Duration,
        why: impl Fn() -> Option<String> + Send + 'static,
        run: F,
        end_late: impl Fn(BatchItem<T, R>, ClientError) + Send + 'static,
    ) -> Self
    where
        F: Fn(Vec<BatchItem<T, R>>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        bridge.spawn(async move {
            let mut under_way = FuturesUnordered::new();
            let mut gathered = VecDeque::new();
            let mut received = Vec::new();
            // When the time of the first that has gathered is over, or earlier.
            let mut timer = pin!(sleep_until(Instant::now()));
            let mut is_timer_set = false;
            let mut is_closed = false;
            while !is_closed || !gathered.is_empty() || !under_way.is_empty() {
                let goes = |under_way: usize, gathered: usize| match under_way {
                    0 => gathered > 0,
                    1 => gathered >= WORTH_ANOTHER,
                    _ => false,
                };
                while goes(under_way.len(), gathered.len()) {
                    let count = gathered.len().min(LARGEST);
                    under_way.push(run(gathered.drain(..count).collect()));
                }
                if !is_timer_set && let Some(first) = gathered.front() {
                    timer.as_mut().reset(first.since + timeout);
                    is_timer_set = true;
                }
                tokio::select! {
                    biased;
                    Some(()) = under_way.next() => {}
                    // While a whole batch has gathered, what comes stays in the channel: each request would wake this
                    // task. Those are later than the first that has gathered, whose timer makes room for them.
                    // After the last request has come, it still gets an answer.
                    count = receiver.recv_many(&mut received, LARGEST), if !is_closed && gathered.len() < LARGEST => {
                        is_closed = count == 0;
                        gathered.extend(received.drain(..));
                    }
                    () = &mut timer, if is_timer_set => {
                        is_timer_set = false;
                        take_late(&mut gathered, timeout, &why, &end_late);
                    }
                }
            }
        });
        Self { sender }
    }

    /// Asks; the answer is [`ClientError::Lost`] if the runtime has ended.
    pub(crate) fn ask(&self, request: T) -> impl Future<Output = Result<R, ClientError>> + Send + use<T, R> {
        let (answer, receiver) = oneshot::channel();
        let _ = self.sender.send(BatchItem { request, since: Instant::now(), answer });
        async {
            receiver
                .await
                .unwrap_or_else(|oneshot::Canceled| Err(ClientError::Lost("the transport has ended".into())))
        }
    }
}

/// Ends the requests whose time is over. They are in the order in which they came.
fn take_late<T, R>(
    gathered: &mut VecDeque<BatchItem<T, R>>,
    timeout: Duration,
    why: &impl Fn() -> Option<String>,
    end_late: &impl Fn(BatchItem<T, R>, ClientError),
) {
    let now = Instant::now();
    while gathered.front().is_some_and(|item| item.since + timeout <= now) {
        if let Some(item) = gathered.pop_front() {
            let why = why().unwrap_or_else(|| "the calls before it were not answered".to_owned());
            end_late(item, ClientError::Timeout(why));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_one_batch_is_under_way_a_second_goes_if_it_is_worth_it() {
        let (batches, seen) = std::sync::mpsc::channel();
        let bridge = TokioBridge::new();
        let batcher = Batcher::spawn(
            &bridge,
            Duration::from_secs(60),
            || None,
            move |batch: Vec<BatchItem<usize, ()>>| {
                let numbers: Vec<_> = batch.iter().map(|item| item.request).collect();
                let (done, gate) = oneshot::channel();
                let _ = batches.send((numbers, done));
                async move {
                    let _ = gate.await;
                    batch.into_iter().for_each(|item| item.answer(Ok(())));
                }
            },
            |item, error| item.answer(Err(error)),
        );
        let ask = |numbers: std::ops::Range<usize>| -> Vec<_> { numbers.map(|n| batcher.ask(n)).collect() };
        let mut asked = ask(0..1);
        let (numbers, first) = seen.recv().expect("a batch");
        assert_eq!(numbers, [0], "a single one goes at once");
        asked.extend(ask(1..WORTH_ANOTHER + 1));
        let (numbers, second) = seen.recv().expect("a batch");
        assert_eq!(numbers, (1..WORTH_ANOTHER + 1).collect::<Vec<_>>(), "so many go beside it");
        asked.extend(ask(100..102));
        let _ = second.send(());
        asked.extend(ask(102..103));
        assert!(seen.try_recv().is_err(), "the first is under way");
        let _ = first.send(());
        let (numbers, third) = seen.recv().expect("a batch");
        // They may have come one by one.
        assert_eq!(numbers[0], 100, "few wait until nothing is under way");
        let _ = third.send(());
        drop(batcher);
        while let Ok((_, done)) = seen.recv() {
            let _ = done.send(());
        }
        let answers = futures::executor::block_on(futures::future::join_all(asked));
        assert!(answers.iter().all(Result::is_ok), "each is answered");
    }

    #[test]
    fn what_waits_behind_a_batch_has_its_own_time() {
        const TIMEOUT: Duration = Duration::from_millis(50);
        let (late, ended) = std::sync::mpsc::channel();
        let bridge = TokioBridge::new();
        // A server that never answers the first batches.
        let batcher = Batcher::spawn(
            &bridge,
            TIMEOUT,
            || None,
            |batch: Vec<BatchItem<usize, ()>>| async move {
                std::future::pending::<()>().await;
                drop(batch);
            },
            move |item, error| {
                let _ = late.send(item.request);
                item.answer(Err(error));
            },
        );
        let _first = batcher.ask(0);
        let start = Instant::now();
        // More than a batch holds, and than two take.
        let asked: Vec<_> = (0..3 * LARGEST).map(|n| batcher.ask(n)).collect();
        let last = asked.into_iter().next_back().expect("many were asked");
        let answer = futures::executor::block_on(last);
        assert!(matches!(answer, Err(ClientError::Timeout(_))), "{answer:?}");
        assert!(start.elapsed() >= TIMEOUT);
        assert!(
            ended.try_iter().any(|request| request == 3 * LARGEST - 1),
            "who ends it is told of the request"
        );
    }
}
