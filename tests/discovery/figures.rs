use std::time::Duration;

use futures::executor::block_on;
use futures::future::join_all;
use rhai_dispatcher::TaskStatus;
use rhai_dispatcher::dispatcher::{Figures, HandlerStatus};
use rhai_dispatcher::worker::FiguresConfig;

use crate::fixture::{drain, gate, numbers, on_each, start};

/// The figures of a method of the only handler.
fn of<'a>(handlers: &'a [HandlerStatus], method: &str) -> &'a Figures {
    let mut methods = handlers.iter().flat_map(|handler| &handler.methods);
    &methods.find(|one| one.info.name.as_str() == method).expect("the method").figures
}

#[test]
fn figures_add_up_to_what_was_sent() {
    on_each(|store| {
        const GOOD: u64 = 200;
        const BAD: u64 = 50;
        const STOPPED: u64 = 7;
        const HELD: u64 = 5;
        let (open, gate) = gate();
        let workers: Vec<_> = (0..3)
            .map(|_| start(store.builder("billing").threads(2).handler(numbers("numbers", &gate))))
            .collect();
        store.until("three instances", |all| all.iter().any(|one| one.instances.len() == 3));
        let call =
            |method: &str| store.client.call(method).worker_id("billing").timeout(Duration::from_secs(60));
        let calls = (0..GOOD + BAD).map(|number| {
            let number = if number < BAD { -1 } else { 21 };
            call("numbers.double").params([number]).await_response()
        });
        let answers = block_on(join_all(calls));
        let completed = answers.iter().filter(|one| one.as_ref().unwrap().status == TaskStatus::Completed);
        assert_eq!(completed.count() as u64, GOOD);
        let stopped =
            (0..STOPPED).map(|_| call("numbers.wait").deadline_in(Duration::from_millis(100)).submit());
        let stopped = block_on(join_all(stopped));
        for id in stopped {
            let details = block_on(store.client.wait(id.unwrap(), Duration::from_secs(60))).unwrap();
            assert_eq!(details.status, TaskStatus::Cancelled);
        }
        let held: Vec<_> = block_on(join_all((0..HELD).map(|_| call("numbers.wait").submit())));
        store.until("they run", |all| of(all, "numbers.wait").in_flight == HELD);
        drop(open);
        for id in held {
            block_on(store.client.wait(id.unwrap(), Duration::from_secs(60))).unwrap();
        }

        // The calls that have ended are in the next report of their instance.
        let all = store.until("all are counted", |all| {
            let handler = &all[0].figures;
            handler.calls >= GOOD + BAD + STOPPED + HELD && handler.in_flight == 0
        });
        let double = of(&all, "numbers.double");
        assert_eq!(
            (double.calls, double.completed, double.errors, double.cancelled),
            (GOOD + BAD, GOOD, BAD, 0)
        );
        assert_eq!(double.success_rate, Some(0.8));
        assert!(double.median_time <= double.p90_time && double.p90_time <= double.p99_time);
        assert!(double.average_time.is_some() && double.last_activity.is_some());
        let wait = of(&all, "numbers.wait");
        assert_eq!((wait.calls, wait.completed, wait.cancelled), (STOPPED + HELD, HELD, wait.calls - HELD));
        let handler = &all[0].figures;
        assert_eq!(
            (handler.calls, handler.completed, handler.errors),
            (GOOD + BAD + STOPPED + HELD, GOOD + HELD, BAD)
        );
        assert_eq!(handler.last_activity, double.last_activity.max(wait.last_activity));
        drain(workers);
    });
}

#[test]
fn a_drained_worker_has_reported_all() {
    on_each(|store| {
        let (_open, gate) = gate();
        let first = store.worker("billing", numbers("numbers", &gate));
        let call = || store.client.call("numbers.double").worker_id("billing").params([21]);
        for _ in 0..10 {
            block_on(call().await_response()).unwrap();
        }
        drain([first]);
        let second = store.worker("billing", numbers("numbers", &gate));
        let all = store.until("it is announced", |all| all.len() == 1);
        assert_eq!(of(&all, "numbers.double").calls, 10, "without another call");
        drain([second]);
    });
}

#[test]
fn calls_without_figures_of_their_own_are_counted_together() {
    on_each(|store| {
        let (open, gate) = gate();
        drop(open);
        let bound = FiguresConfig::default().with_max_figures(1);
        let worker = start(store.builder("billing").handler(numbers("numbers", &gate)).figures(bound));
        let call = |method: &str| {
            let params = if method == "numbers.wait" { vec![] } else { vec![21] };
            block_on(store.client.call(method).worker_id("billing").params(params).await_response()).unwrap()
        };
        for method in ["numbers.double", "numbers.wait", "numbers.nope", "numbers.double"] {
            call(method);
        }
        let all =
            store.until("all are counted", |all| all.iter().map(|one| one.figures.calls).sum::<u64>() == 4);
        assert_eq!(of(&all, "numbers.double").calls, 2);
        assert_eq!(of(&all, "numbers.wait").calls, 0);
        let other = all.iter().find(|handler| handler.name == "*").expect("an entry for the others");
        assert_eq!((other.figures.completed, other.figures.errors), (1, 1));
        drain([worker]);
    });
}

#[test]
fn a_worker_can_leave_out_the_figures() {
    on_each(|store| {
        let (_open, gate) = gate();
        let none = FiguresConfig::default().with_counts(false);
        let worker = start(store.builder("billing").handler(numbers("numbers", &gate)).figures(none));
        let call = store.client.call("numbers.double").worker_id("billing").params([21]);
        block_on(call.await_response()).unwrap();
        drain([worker]);
        let next = store.worker("billing", numbers("numbers", &gate));
        let all = store.until("it is announced", |all| all.len() == 1);
        assert_eq!(all[0].figures, Figures::default());
        drain([next]);
    });
}
