//! Wakers that use the transport themselves: none is called under a lock of the transport.

mod support;

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures::FutureExt;
use rhai_dispatcher_core::Transport;
use rhai_dispatcher_test_redis::RedisServer;
use support::{attach, claim, complete, open, submit};

/// Calls `call` when it is woken, and says so when that has returned.
struct Calling {
    call: Box<dyn Fn() + Send + Sync>,
    done: Mutex<Sender<()>>,
}

impl Wake for Calling {
    fn wake(self: Arc<Self>) {
        (self.call)();
        let _ = self.done.lock().expect("no panic under the lock").send(());
    }
}

/// Polls a future, has it woken by `wake`, and waits until its waker, which makes that `call`, has returned.
fn returns_from(
    mut future: Pin<Box<dyn Future<Output = ()> + Send>>,
    call: impl Fn() + Send + Sync + 'static,
    wake: impl FnOnce() + Send + 'static,
) {
    let (done, returned) = channel();
    let waker = Waker::from(Arc::new(Calling { call: Box::new(call), done: Mutex::new(done) }));
    assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    std::thread::spawn(wake);
    returned.recv_timeout(Duration::from_secs(20)).expect("the waker returns");
}

#[test]
fn a_waker_of_a_wait_may_ask_for_the_health() {
    let server = RedisServer::start();
    let transport = open(&server);
    let consumer = attach(&transport);
    let id = submit(&transport);
    let wait = transport.outcome(id).map(drop).boxed();
    let claimed = claim(&consumer);
    let asked = transport.clone();
    returns_from(
        wait,
        move || drop(asked.health()),
        move || {
            complete(&consumer, claimed.claim);
        },
    );
}

#[test]
fn a_waker_of_a_claim_may_claim() {
    let server = RedisServer::start();
    let transport = open(&server);
    let consumer = attach(&transport);
    let (claiming, again) = (Arc::clone(&consumer), Arc::clone(&consumer));
    let claim = async move { drop(claiming.claim(NonZeroUsize::MIN).await) }.boxed();
    let claim_again = move || drop(again.claim(NonZeroUsize::MIN).now_or_never());
    let submitter = transport.clone();
    returns_from(claim, claim_again, move || {
        submit(&submitter);
    });
}
