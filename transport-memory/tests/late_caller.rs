//! A caller that is late for its own timeout.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use rhai_dispatcher_core::{Dispatcher, DispatcherConfig, Error, ManualClock};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

#[test]
fn timeout_is_told_though_the_task_has_ended_by_its_deadline() {
    let clock = ManualClock::new();
    let transport = MemoryTransport::new(MemoryConfig::default().with_clock(Arc::new(clock.clone())));
    let config = DispatcherConfig::new("caller").expect("a caller");
    let dispatcher = Dispatcher::new(Arc::new(transport), config);
    let request = dispatcher.new_play_request().worker_id("worker-1").script("1");
    let mut answer = Box::pin(request.timeout(Duration::from_secs(2)).await_response());
    assert!((&mut answer).now_or_never().is_none(), "no worker serves it");
    // Its thread is busy, beyond the deadline behind the timeout.
    clock.advance(Duration::from_secs(3));
    let answer = block_on(answer);
    assert!(matches!(answer, Err(Error::Timeout(_))), "{answer:?}");
}
