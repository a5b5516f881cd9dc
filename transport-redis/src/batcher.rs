use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;

use futures::channel::oneshot;
use futures::stream::{FuturesUnordered, StreamExt};
use rhai_dispatcher_tokio_bridge::TokioBridge;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::client::ClientError;

/// Gathers what is asked at about the same time into batches.
///
/// While a batch is under way, what comes gathers; when none is, a single request goes at once. So batches
/// form under load, and cost nothing without.
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

/// How many make a second batch worth sending while one is under way, so that the server has the next one
/// when it is done with the first. A smaller one would cost more than it gains.
const WORTH_ANOTHER: usize = 16;

/// What one batch may hold. Bounds how long one script keeps the server from others (about a
/// millisecond), and what Lua has to unpack.
const LARGEST: usize = 128;

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
    /// `run` answers all items of a batch.
    pub(crate) fn spawn<F, Fut>(bridge: &TokioBridge, run: F) -> Self
    where
        F: Fn(Vec<Item<T, R>>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        bridge.spawn(async move {
            let mut under_way = FuturesUnordered::new();
            let mut gathered = Vec::new();
            loop {
                let goes = match under_way.len() {
                    0 => !gathered.is_empty(),
                    1 => gathered.len() >= WORTH_ANOTHER,
                    _ => false,
                };
                if goes {
                    under_way.push(run(std::mem::take(&mut gathered)));
                }
                let room = LARGEST - gathered.len();
                tokio::select! {
                    biased;
                    Some(()) = under_way.next() => {}
                    count = receiver.recv_many(&mut gathered, room), if room > 0 => {
                        if count == 0 {
                            break;
                        }
                    }
                }
            }
            if !gathered.is_empty() {
                under_way.push(run(gathered));
            }
            // Whoever asked last still gets an answer.
            while under_way.next().await.is_some() {}
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
        let batcher = Batcher::spawn(&bridge, move |batch: Vec<Item<usize, ()>>| {
            let numbers: Vec<_> = batch.iter().map(|item| item.request).collect();
            let (done, gate) = oneshot::channel();
            let _ = batches.send((numbers, done));
            async move {
                let _ = gate.await;
                batch.into_iter().for_each(|item| item.answer(Ok(())));
            }
        });
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
}
