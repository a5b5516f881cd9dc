use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::hash::Hash;
use std::pin::pin;
use std::time::Duration;

use futures::channel::oneshot;
use futures::stream::{FuturesUnordered, StreamExt};
use rhai_dispatcher_tokio_bridge::TokioBridge;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::client::ClientError;

/// Gathers what is asked at about the same time into batches.
///
/// While a batch is under way, what comes gathers; when none is, a single request goes at once. So batches
/// form under load, and cost nothing without. Each request has its own time, whatever batch it is in, or
/// whether it has got into one.
#[derive(Debug)]
pub(crate) struct Batcher<T, R> {
    sender: mpsc::UnboundedSender<Item<T, R>>,
}

/// One request of a batch.
#[derive(Debug)]
pub(crate) struct Item<T, R> {
    pub(crate) request: T,
    pub(crate) since: Instant,
    answer: oneshot::Sender<Result<R, ClientError>>,
}

impl<T, R> Item<T, R> {
    /// Answers it; nobody may be waiting any more.
    pub(crate) fn answer(self, answer: Result<R, ClientError>) {
        let _ = self.answer.send(answer);
    }
}

impl<T: Request, R> Item<T, R> {
    fn is_wanted(&self) -> bool {
        !(self.request.ends_with_caller() && self.answer.is_canceled())
    }
}

/// How many make a second batch worth sending while one is under way, so that the server has the next one
/// when it is done with the first. A smaller one would cost more than it gains.
const WORTH_ANOTHER: usize = 16;

/// What one batch may hold. Bounds how long one script keeps the server from others (about a
/// millisecond), and what Lua has to unpack.
pub(crate) const LARGEST: usize = 128;

/// What the requests of one script may take together, unless it is a single one. They are held in memory
/// at both ends, and keep the server from others while it reads them.
const LARGEST_BYTES: usize = 1024 * 1024;

/// What can be asked for together with others.
pub(crate) trait Request {
    /// What one script is for.
    type Group: Clone + Eq + Hash;

    fn group(&self) -> &Self::Group;

    /// How much is sent.
    fn bytes(&self) -> usize;

    /// Whether it is left out once nobody waits for the answer. By default it is carried out all the same.
    fn ends_with_caller(&self) -> bool {
        false
    }
}

/// What of a batch one script each may do: it is of one group, and not too large.
pub(crate) fn by_script<T: Request, R>(batch: Vec<Item<T, R>>) -> HashMap<T::Group, Vec<Vec<Item<T, R>>>> {
    let mut groups: HashMap<T::Group, (Vec<Vec<_>>, usize)> = HashMap::new();
    for item in batch {
        let (scripts, bytes) = groups.entry(item.request.group().clone()).or_default();
        *bytes += item.request.bytes();
        match scripts.last_mut() {
            Some(script) if *bytes <= LARGEST_BYTES => script.push(item),
            _ => {
                *bytes = item.request.bytes();
                scripts.push(vec![item]);
            }
        }
    }
    groups.into_iter().map(|(group, (scripts, _))| (group, scripts)).collect()
}

impl<T: Send + 'static, R: Send + 'static> Batcher<T, R> {
    /// `run` answers all items of a batch. One that is in no batch after `timeout` is answered here, with what `why`
    /// says is wrong.
    pub(crate) fn spawn<F, Fut>(
        bridge: &TokioBridge,
        timeout: Duration,
        why: impl Fn() -> Option<String> + Send + 'static,
        run: F,
    ) -> Self
    where
        F: Fn(Vec<Item<T, R>>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        bridge.spawn(async move {
            let mut under_way = FuturesUnordered::new();
            let mut gathered = VecDeque::new();
            let mut received = Vec::new();
            // When the time of the first that has gathered is over, or earlier.
            let mut alarm = pin!(sleep_until(Instant::now()));
            let mut is_alarm_set = false;
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
                if !is_alarm_set && let Some(first) = gathered.front() {
                    alarm.as_mut().reset(first.since + timeout);
                    is_alarm_set = true;
                }
                tokio::select! {
                    biased;
                    Some(()) = under_way.next() => {}
                    // Once nothing more comes, whoever asked last still gets an answer.
                    count = receiver.recv_many(&mut received, LARGEST), if !is_closed => {
                        is_closed = count == 0;
                        gathered.extend(received.drain(..));
                    }
                    () = &mut alarm, if is_alarm_set => {
                        is_alarm_set = false;
                        end_late(&mut gathered, timeout, &why);
                    }
                }
            }
        });
        Self { sender }
    }

    /// Asks; the answer is [`ClientError::Lost`] if the runtime has ended.
    pub(crate) fn ask(&self, request: T) -> impl Future<Output = Result<R, ClientError>> + Send + use<T, R> {
        let (answer, receiver) = oneshot::channel();
        let _ = self.sender.send(Item { request, since: Instant::now(), answer });
        async {
            receiver
                .await
                .unwrap_or_else(|oneshot::Canceled| Err(ClientError::Lost("the transport has ended".into())))
        }
    }
}

/// Answers those whose time is over. They are in the order in which they came.
fn end_late<T, R>(gathered: &mut VecDeque<Item<T, R>>, timeout: Duration, why: &impl Fn() -> Option<String>) {
    let now = Instant::now();
    while gathered.front().is_some_and(|item| item.since + timeout <= now) {
        if let Some(item) = gathered.pop_front() {
            let why = why().unwrap_or_else(|| "the calls before it were not answered".to_owned());
            item.answer(Err(ClientError::Timeout(why)));
        }
    }
}

/// What is asked of a server for several items at once: `attempt` asks for those that it is given, in one step
/// that may be repeated, until a time. Each item is ended by the answer to it, or by an error once its own time
/// is over, while the attempt goes on for the others; what was not answered then is asked again for those that
/// have time left.
pub(crate) async fn ask_in_time<T, R, A, F>(
    items: Vec<Item<T, R>>,
    timeout: Duration,
    attempt: impl Fn(Vec<T>, Instant) -> F,
    mut end: impl FnMut(usize, Item<T, R>, Result<&A, ClientError>),
) where
    T: Request + Clone,
    F: Future<Output = Result<A, ClientError>>,
{
    /// Of the call timeout: how long an attempt lasts at least, so that requests which come one after another
    /// don't end the attempts of the next ones before they can succeed.
    const SHORTEST: u32 = 4;
    // What was wrong with the last attempt.
    let mut said = "the server has not answered in time".to_owned();
    let mut left: Vec<Option<Item<T, R>>> = items.into_iter().map(Some).collect();
    loop {
        left.retain(|slot| slot.as_ref().is_some_and(Item::is_wanted));
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
                    // An attempt gives up when its next pause would be too long, which is no reason to end early.
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
    use super::*;

    #[derive(Debug)]
    struct Sized(&'static str, usize);

    impl Request for Sized {
        type Group = &'static str;

        fn group(&self) -> &&'static str {
            &self.0
        }

        fn bytes(&self) -> usize {
            self.1
        }
    }

    #[test]
    fn a_script_is_for_one_group_and_not_too_large() {
        let half = LARGEST_BYTES / 2;
        let requests =
            [("a", half), ("b", 1), ("a", half), ("a", 1), ("a", 2 * LARGEST_BYTES), ("a", 1), ("b", 1)];
        let batch = requests.map(|(group, bytes)| {
            let (answer, _) = oneshot::channel::<Result<(), ClientError>>();
            Item { request: Sized(group, bytes), since: Instant::now(), answer }
        });
        let scripts = by_script(Vec::from(batch));
        let bytes = |group| -> Vec<Vec<usize>> {
            scripts[group].iter().map(|items| items.iter().map(|item| item.request.1).collect()).collect()
        };
        assert_eq!(bytes("a"), [vec![half, half], vec![1], vec![2 * LARGEST_BYTES], vec![1]]);
        assert_eq!(bytes("b"), [[1, 1]]);
    }
    #[test]
    fn while_one_batch_is_under_way_a_second_goes_if_it_is_worth_it() {
        let (batches, seen) = std::sync::mpsc::channel();
        let bridge = TokioBridge::new();
        let batcher = Batcher::spawn(
            &bridge,
            Duration::from_secs(60),
            || None,
            move |batch: Vec<Item<usize, ()>>| {
                let numbers: Vec<_> = batch.iter().map(|item| item.request).collect();
                let (done, gate) = oneshot::channel();
                let _ = batches.send((numbers, done));
                async move {
                    let _ = gate.await;
                    batch.into_iter().for_each(|item| item.answer(Ok(())));
                }
            },
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
        let bridge = TokioBridge::new();
        // A server that never answers the first batches.
        let batcher = Batcher::spawn(
            &bridge,
            TIMEOUT,
            || None,
            |batch: Vec<Item<usize, ()>>| async move {
                std::future::pending::<()>().await;
                drop(batch);
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
    }

    impl Request for Instant {
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
        // An old one, a new one and one that nobody waits for, of a server that answers when the time of the
        // old one is over.
        let (old, new) = (start - TIMEOUT / 2, start);
        let (items, mut answers): (Vec<_>, Vec<_>) = [old, new, new]
            .into_iter()
            .map(|since| {
                let (answer, receiver) = oneshot::channel();
                (Item { request: since, since, answer }, receiver)
            })
            .unzip();
        answers.pop();
        let attempts = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = std::sync::Arc::clone(&attempts);
        let run = bridge.run(async move {
            let attempt = |requests: Vec<Instant>, deadline| {
                seen.lock().expect("no panic").push(requests.len());
                async move {
                    if requests.len() == 2 {
                        sleep_until(deadline).await;
                        return Err(ClientError::Timeout("the first was not answered".into()));
                    }
                    Ok(7)
                }
            };
            ask_in_time(items, TIMEOUT, attempt, |_, item, answer| item.answer(answer.copied())).await;
        });
        futures::executor::block_on(run).expect("it ends");
        let mut answers =
            answers.into_iter().map(|answer| futures::executor::block_on(answer).expect("it is answered"));
        assert!(matches!(answers.next(), Some(Err(ClientError::Timeout(_)))), "its time was over");
        assert_eq!(answers.next(), Some(Ok(7)), "it was asked for again");
        assert_eq!(*attempts.lock().expect("no panic"), [2, 1]);
    }
}
