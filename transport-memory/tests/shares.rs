//! How claims share what is ready, when some of them look often and others late.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::executor::block_on;
use futures::future::BoxFuture;
use futures::task::noop_waker;
use rhai_dispatcher_core::{
    Claimed, Clock, Consumer, InstanceSpec, ManualClock, Payload, Task, Transport, TransportError,
    TransportExt, WorkerId,
};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

/// A hub by a manual clock, and two instances.
struct Site {
    clock: ManualClock,
    transport: MemoryTransport,
    instances: [Arc<dyn Consumer>; 2],
}

type Claim = BoxFuture<'static, Result<Vec<Claimed>, TransportError>>;

impl Site {
    fn new() -> Self {
        let clock = ManualClock::new();
        let of_hub: Arc<dyn Clock> = Arc::new(clock.clone());
        let transport = MemoryTransport::new(MemoryConfig::default().with_clock(of_hub));
        let attach = || block_on(transport.attach(InstanceSpec::new(worker_id()))).expect("an instance");
        Self { instances: [attach(), attach()], clock, transport }
    }

    fn submit(&self, count: usize) {
        for _ in 0..count {
            let task = Task::new(worker_id(), Payload::script("1"), "caller");
            block_on(self.transport.submit_one(task)).expect("accepted");
        }
    }

    /// A claim that waits.
    fn claim(&self, instance: usize) -> Claim {
        let consumer = Arc::clone(&self.instances[instance]);
        let max = NonZeroUsize::new(1_000).expect("above zero");
        let mut claim: Claim = Box::pin(async move { consumer.claim(max).await });
        assert_eq!(look(&mut claim), None);
        claim
    }

    /// All that an instance gets now, by claims one after another.
    fn take(&self, instance: usize, mut waiting: Claim) -> (usize, Claim) {
        let mut all = 0;
        while let Some(count) = look(&mut waiting) {
            all += count;
            let consumer = Arc::clone(&self.instances[instance]);
            let max = NonZeroUsize::new(1_000).expect("above zero");
            waiting = Box::pin(async move { consumer.claim(max).await });
        }
        (all, waiting)
    }
}

/// How many tasks a claim has got; nothing if it waits.
fn look(claim: &mut Claim) -> Option<usize> {
    match claim.as_mut().poll(&mut Context::from_waker(&noop_waker())) {
        Poll::Ready(claimed) => Some(claimed.expect("a claim").len()),
        Poll::Pending => None,
    }
}

fn worker_id() -> WorkerId {
    WorkerId::try_from("worker-1").expect("a name")
}

#[test]
fn an_instance_that_claims_again_and_again_leaves_the_share_of_one_that_was_woken() {
    let site = Site::new();
    let [quick, slow] = [site.claim(0), site.claim(1)];
    site.submit(40);
    // The thread of the other one has not run yet.
    let (first, quick) = site.take(0, quick);
    assert_eq!(first, 20);
    let (second, slow) = site.take(1, slow);
    assert_eq!(second, 20);
    // What comes later is shared likewise, in whatever parts.
    site.submit(1);
    let (first, quick) = site.take(0, quick);
    site.submit(9);
    let (more, _quick) = site.take(0, quick);
    let (second, _slow) = site.take(1, slow);
    assert_eq!((first + more, second), (6, 4), "1 of 1 and 5 of 9: shares are rounded up");
}

#[test]
fn what_is_kept_for_a_claim_that_does_not_look_goes_to_others_in_time() {
    let site = Site::new();
    let [quick, slow] = [site.claim(0), site.claim(1)];
    site.submit(40);
    let (first, quick) = site.take(0, quick);
    assert_eq!(first, 20);
    site.clock.advance(Duration::from_millis(9));
    let (more, quick) = site.take(0, quick);
    assert_eq!(more, 0);
    site.clock.advance(Duration::from_millis(1));
    let (rest, quick) = site.take(0, quick);
    assert_eq!(rest, 20, "the thread of the other one may be blocked");
    // It counts again once it has looked.
    let (none, slow) = site.take(1, slow);
    assert_eq!(none, 0);
    site.submit(10);
    let (first, _quick) = site.take(0, quick);
    let (second, _slow) = site.take(1, slow);
    assert_eq!((first, second), (5, 5));
}

#[test]
fn what_is_kept_for_a_claim_that_is_dropped_goes_to_others() {
    let site = Site::new();
    let [quick, slow] = [site.claim(0), site.claim(1)];
    site.submit(40);
    let (first, quick) = site.take(0, quick);
    drop(slow);
    let (rest, _quick) = site.take(0, quick);
    assert_eq!((first, rest), (20, 20));
}

#[test]
fn an_instance_takes_its_own_share_in_parts() {
    let site = Site::new();
    let [quick, slow] = [site.claim(0), site.claim(1)];
    drop(quick);
    site.submit(8);
    let one = || block_on(site.instances[0].claim(NonZeroUsize::MIN)).expect("a claim").len();
    assert_eq!(one() + one() + one(), 3);
    let (second, _slow) = site.take(1, slow);
    assert!(second >= 4, "{second}");
}
