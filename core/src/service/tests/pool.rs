use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::FutureExt;
use futures::channel::oneshot;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;

use super::super::channel::Channel;
use super::super::remote::Route;
use super::super::requests::Requests as RequestsOf;
use super::super::worker_end::WorkerEnd;
use super::{ByHand, by_hand, next, poll};
use crate::{CallError, Caller, Requests, RestartPolicy, Service, SystemClock};

/// Answers with the number of its worker, once the test opens the gate that came with the request.
#[derive(Clone)]
struct Gated;

type Gate = oneshot::Receiver<()>;

impl Service for Gated {
    type Request = Option<Gate>;
    type Response = usize;
    type Error = ();
    /// The number of the worker, and how many requests it answers at a time.
    type Config = (usize, usize);
    type Output = ();

    async fn run(self, (number, limit): Self::Config, requests: Requests<Self>) {
        let answer = async |number: &usize, gate: Option<Gate>| {
            gate.ok_or(())?.await.map_err(|_| ())?;
            Ok(*number)
        };
        requests.answer_concurrently(limit, number, answer).await;
    }
}

fn gates(count: usize) -> (VecDeque<oneshot::Sender<()>>, Vec<Option<Gate>>) {
    (0..count).map(|_| oneshot::channel()).map(|(open, gate)| (open, Some(gate))).unzip()
}

#[test]
fn four_workers_share_the_requests_of_one_caller() {
    let number = Cell::new(0);
    let next_number = move || {
        number.set(number.get() + 1);
        (number.get(), 1)
    };
    let (workers, caller) = Gated.start_pool(4, 8, RestartPolicy::never(), next_number);
    assert_eq!(workers.len(), 4);
    let mut pool = LocalPool::new();
    for worker in workers {
        let worker = worker.map(|ended| ended.expect("no panic"));
        pool.spawner().spawn_local(worker).expect("it runs");
    }
    let (mut open, gates) = gates(6);
    let mut calls: Vec<_> = gates.into_iter().map(|gate| caller.send_request(gate)).collect();
    pool.run_until_stalled();
    for call in &mut calls {
        assert!(poll(call).is_pending());
        pool.run_until_stalled();
    }
    // Four are under way, and two wait for the first worker that is free.
    open.remove(1).expect("a gate").send(()).expect("it waits");
    pool.run_until_stalled();
    assert_eq!(poll(&mut calls[1]), Poll::Ready(Ok(2)));
    open.remove(3).expect("a gate").send(()).expect("the second worker has taken it");
    pool.run_until_stalled();
    assert_eq!(poll(&mut calls[4]), Poll::Ready(Ok(2)));
    open.into_iter().for_each(|open| open.send(()).expect("it waits"));
    pool.run_until_stalled();
    let ends: Vec<_> = [0, 2, 3, 5].map(|index| poll(&mut calls[index])).into();
    assert_eq!(ends, [1, 3, 4, 2].map(|number| Poll::Ready(Ok(number))));
    drop(calls);
    drop(caller);
    pool.run(); // until all workers have ended
}

#[test]
fn one_worker_answers_several_requests_at_the_same_time() {
    let (worker, caller) = Gated.start(8, (1, 2));
    let mut pool = LocalPool::new();
    let worker = pool.spawner().spawn_local_with_handle(worker).expect("it runs");
    let (mut open, gates) = gates(3);
    let mut calls: Vec<_> = gates.into_iter().map(|gate| caller.send_request(gate)).collect();
    assert!(calls.iter_mut().all(|call| poll(call).is_pending()));
    pool.run_until_stalled();
    // The first and the second are under way; the third waits for one of them.
    open.remove(1).expect("a gate").send(()).expect("it waits");
    open.remove(1).expect("a gate").send(()).expect("it waits");
    pool.run_until_stalled();
    assert_eq!((poll(&mut calls[1]), poll(&mut calls[2])), (Poll::Ready(Ok(1)), Poll::Ready(Ok(1))));
    assert!(poll(&mut calls[0]).is_pending());
    open.pop_front().expect("a gate").send(()).expect("it waits");
    pool.run_until_stalled();
    assert_eq!(poll(&mut calls[0]), Poll::Ready(Ok(1)));
    let mut refused = caller.send_request(None);
    assert!(poll(&mut refused).is_pending());
    pool.run_until_stalled();
    assert_eq!(poll(&mut refused), Poll::Ready(Err(CallError::Service(()))));
    drop((calls, refused));
    drop(caller);
    pool.run_until(worker);
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Wakes {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn a_worker_that_turns_to_something_else_passes_its_wake_up_on() {
    let channel = Arc::new(Channel::<ByHand>::new(8, Arc::new(SystemClock::new())));
    let worker = || RequestsOf::new(WorkerEnd::new(Arc::clone(&channel)));
    let (mut first, mut second) = (worker(), worker());
    let caller = Caller::new(Route::Local(Arc::clone(&channel)), None);
    let wakes = [(); 2].map(|()| Arc::<Wakes>::default());
    let wakers = [0, 1].map(|index| Waker::from(Arc::clone(&wakes[index])));
    let (mut woken, mut other) = (Box::pin(first.next()), Box::pin(second.next()));
    assert!(woken.as_mut().poll(&mut Context::from_waker(&wakers[0])).is_pending());
    assert!(other.as_mut().poll(&mut Context::from_waker(&wakers[1])).is_pending());
    let mut call = caller.send_request("a");
    assert!(poll(&mut call).is_pending());
    assert_eq!([wakes[0].count(), wakes[1].count()], [1, 0]);
    drop(woken);
    assert_eq!([wakes[0].count(), wakes[1].count()], [1, 1]);
    assert!(poll(&mut other).is_ready());
    drop(other);
    // A worker that no longer waits is not woken.
    let mut call = caller.send_request("b");
    assert!(poll(&mut call).is_pending());
    assert_eq!([wakes[0].count(), wakes[1].count()], [1, 1]);
    assert_eq!(next!(first).expect("a request").request, "b");
}

#[test]
fn a_busy_worker_lets_others_on_its_thread_run() {
    let (mut requests, caller) = by_hand(1_024);
    let mut calls: Vec<_> = (0..300).map(|_| caller.send_request("a")).collect();
    assert!(calls.iter_mut().all(|call| poll(call).is_pending()));
    let wakes = Arc::<Wakes>::default();
    let waker = Waker::from(Arc::clone(&wakes));
    let mut in_a_row = vec![0];
    for _ in 0..302 {
        match Box::pin(requests.next()).as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(next) => {
                next.expect("a request").reply.send(Ok(1));
                *in_a_row.last_mut().expect("one") += 1;
            }
            Poll::Pending => in_a_row.push(0),
        }
    }
    assert_eq!((in_a_row, wakes.count()), (vec![128, 128, 44], 2));
}
