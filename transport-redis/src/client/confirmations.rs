use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use super::ClientError;

/// Lets writes of a connection be confirmed together: a confirmation is about all that it has written before.
///
/// The server carries nothing else out on it meanwhile, so one is under way at a time. A write waits for
/// two at most: for the one under way, and for the next.
#[derive(Debug, Default)]
pub(crate) struct Confirmations {
    /// How many writes have asked for one.
    asked: AtomicU64,
    last: Mutex<Option<Confirmation>>,
}

/// One that was answered.
#[derive(Debug)]
struct Confirmation {
    /// Of how many writes it was asked after.
    covers: u64,
    answer: Result<bool, ClientError>,
}

impl Confirmations {
    /// Whether what was answered before this call is confirmed. `ask` asks the server, unless a
    /// confirmation that was sent after this call was made has said so already.
    pub(crate) async fn confirm<F>(&self, ask: impl FnOnce() -> F) -> Result<bool, ClientError>
    where
        F: Future<Output = Result<bool, ClientError>>,
    {
        let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let mut last = self.last.lock().await;
        if let Some(last) = &*last
            && last.covers >= number
        {
            return last.answer.clone();
        }
        let covers = self.asked.load(Ordering::Relaxed);
        let answer = ask().await;
        *last = Some(Confirmation { covers, answer: answer.clone() });
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::FutureExt;
    use futures::channel::oneshot;
    use futures::executor::block_on;
    use futures::future::join;

    use super::*;

    #[test]
    fn one_confirmation_is_for_all_that_was_written_before_it() {
        let confirmations = Confirmations::default();
        let asked = Cell::new(0);
        let ask = |answer: bool| {
            asked.set(asked.get() + 1);
            std::future::ready(Ok(answer))
        };
        let (done, gate) = oneshot::channel();
        let first = confirmations.confirm(|| {
            drop(ask(true));
            gate.map(|_| Ok(true))
        });
        let mut first = Box::pin(first);
        assert!((&mut first).now_or_never().is_none());
        let mut second = Box::pin(confirmations.confirm(|| ask(false)));
        let mut third = Box::pin(confirmations.confirm(|| ask(true)));
        for waiting in [&mut second as &mut (dyn Future<Output = _> + Unpin), &mut third] {
            assert!(waiting.now_or_never().is_none(), "one is under way");
        }
        let _ = done.send(());
        assert_eq!(block_on(first), Ok(true));
        assert_eq!(block_on(join(second, third)), (Ok(false), Ok(false)), "it was asked once for both");
        assert_eq!(asked.get(), 2);
    }
}
