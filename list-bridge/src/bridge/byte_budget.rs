use tokio::sync::{Semaphore, SemaphorePermit};

/// How many bytes of clients' hashes a bridge may hold. Those that wait get them in their order.
#[derive(Debug)]
pub(super) struct ByteBudget {
    free: Semaphore,
    /// In units.
    all: u32,
}

/// A part of it, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct ByteShare<'a>(SemaphorePermit<'a>);

/// A semaphore counts to 2^32: with units of 1 KiB a budget has up to 4 TiB.
const UNIT: usize = 1024;

impl ByteBudget {
    pub(super) fn new(bytes: usize) -> Self {
        let all = units(bytes);
        Self { free: Semaphore::new(all as usize), all }
    }

    /// Waits until that many bytes are free, and takes them. What is larger than the budget takes all of it.
    pub(super) async fn take(&self, bytes: usize) -> Option<ByteShare<'_>> {
        // `None` if the semaphore is closed, which it never is.
        self.free.acquire_many(units(bytes).min(self.all)).await.ok().map(ByteShare)
    }
}

impl ByteShare<'_> {
    /// Keeps that many bytes, and frees the rest.
    pub(super) fn keep(&mut self, bytes: usize) {
        drop(self.0.split(self.0.num_permits().saturating_sub(units(bytes) as usize)));
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn what_is_kept_is_not_free() {
        let budget = ByteBudget::new(10 * UNIT);
        let mut share = budget.take(10 * UNIT).now_or_never().flatten().expect("all is free");
        assert!(budget.take(1).now_or_never().is_none());
        share.keep(2 * UNIT + 1);
        assert!(budget.take(8 * UNIT).now_or_never().is_none(), "3 of 10 are kept");
        let rest = budget.take(7 * UNIT).now_or_never().flatten().expect("7 are free");
        drop((share, rest));
        let larger = budget.take(100 * UNIT).now_or_never().flatten().expect("it takes all");
        assert!(budget.take(1).now_or_never().is_none());
        drop(larger);
    }
}
