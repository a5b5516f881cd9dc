use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use futures::future::join_all;

use crate::{CallError, NoError, NotSent, Requests, RestartPolicy, Service, ServiceOptions};

/// Counts what its workers begin. Each request is answered by itself.
#[derive(Clone, Default)]
struct Begun(Arc<AtomicU64>);

impl Service for Begun {
    type Request = u64;
    type Response = u64;
    type Error = NoError;
    type Config = ();
    type Output = ();

    async fn run(self, (): (), requests: Requests<Self>) {
        let answer = async |begun: &Self, request| {
            begun.0.fetch_add(1, Ordering::Relaxed);
            if request % 5 == 0 {
                yield_once().await;
            }
            Ok(request)
        };
        requests.answer_concurrently(3, self, answer).await;
    }
}

async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// Calls, calls that give up, calls without time and tries, from four threads to three workers through a backlog of
/// two: each call ends, and no request is lost or begun twice.
#[test]
fn each_call_of_many_threads_ends() {
    const CALLS: u64 = 4_000;
    let service = Begun::default();
    let (workers, caller) =
        service.clone().start_pool(3, ServiceOptions::new(2), RestartPolicy::never(), || ());
    let workers: Vec<_> = workers.into_iter().map(|worker| thread::spawn(|| block_on(worker))).collect();
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let caller = caller.clone();
            // The least and the most that workers may have begun.
            thread::spawn(move || {
                let (mut least, mut most) = (0, 0);
                for number in 0..CALLS {
                    match number % 4 {
                        0 => {
                            let group = join_all((0..5).map(|more| caller.send_request(number + more)));
                            let expected: Vec<_> = (0..5).map(|more| Ok(number + more)).collect();
                            assert_eq!(block_on(group), expected);
                            (least, most) = (least + 5, most + 5);
                        }
                        1 => {
                            let mut gives_up = caller.send_request(number);
                            let _ = Pin::new(&mut gives_up).poll(&mut Context::from_waker(Waker::noop()));
                            most += 1;
                        }
                        2 => match block_on(caller.try_send_request(number)) {
                            Ok(answer) => {
                                assert_eq!(answer, number);
                                (least, most) = (least + 1, most + 1);
                            }
                            Err(error) => {
                                let full = CallError::NotSent(NotSent::BacklogFull { backlog: 2 });
                                assert_eq!(error, full);
                            }
                        },
                        _ => {
                            let time = Duration::from_micros(number % 50);
                            match block_on(caller.send_request(number).timeout(time)) {
                                Ok(answer) => {
                                    assert_eq!(answer, number);
                                    least += 1;
                                }
                                Err(CallError::TimedOut) => least += 1,
                                Err(error) => assert_eq!(error, CallError::NotSent(NotSent::DeadlineOver)),
                            }
                            most += 1;
                        }
                    }
                }
                (least, most)
            })
        })
        .collect();
    drop(caller);
    let counts = callers.into_iter().map(|caller| caller.join().expect("no panic"));
    let (least, most) = counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    for worker in workers {
        worker.join().expect("no panic").expect("no panic");
    }
    let begun = service.0.load(Ordering::Relaxed);
    assert!((least..=most).contains(&begun), "{least} to {most}: {begun}");
}
