//! `Transport::inspect` and `Consumer::answer`

use futures::future::{self, Either};
use futures::StreamExt;
use futures::stream::BoxStream;
use rhai_dispatcher_core::{
    Claim, Inquiry, InspectError, RunActivity, RunState, Signal, TaskId, TaskStatus, Transport,
};

use crate::Environment;
use crate::instance::Instance;
use crate::stage::Stage;
use crate::waiting::Waiting;

pub(crate) async fn inspect_signals_a_running_task(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let other = stage.other_handle().await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    let claim = consumer.claim_one().await.claim;
    let mut signals = consumer.signals();
    for transport in [&stage.transport, &other] {
        let mut answer = Waiting::new(transport.inspect(id));
        let inquiry = asked(&mut answer, &mut signals).await;
        assert_eq!(inquiry.claim, claim);
        consumer.answer(&inquiry, Some(state(&claim, 7)));
        assert_eq!(answer.await.expect("an answer"), state(&claim, 7));
    }
}

pub(crate) async fn inspect_answers_each_caller(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let ids = [stage.submit_any().await, stage.submit_any().await];
    let claims = [consumer.claim_one().await.claim, consumer.claim_one().await.claim];
    assert_eq!(claims.map(|claim| claim.task), ids);
    let mut signals = consumer.signals();
    let mut answers = Vec::new();
    let mut inquiries = Vec::new();
    for id in [ids[0], ids[1], ids[0]] {
        let mut answer = Waiting::new(stage.transport.inspect(id));
        inquiries.push(asked(&mut answer, &mut signals).await);
        answers.push(answer);
    }
    // A caller that has gone takes no answer from the others.
    drop(answers.remove(0));
    for (operations, inquiry) in inquiries.iter().enumerate().rev() {
        consumer.answer(inquiry, Some(state(&inquiry.claim, operations as u64)));
    }
    for (answer, (claim, operations)) in answers.into_iter().zip([(claims[1], 1), (claims[0], 2)]) {
        assert_eq!(answer.await.expect("an answer"), state(&claim, operations));
    }
}

pub(crate) async fn inspect_of_a_changing_task_says_so(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    consumer.claim_one().await;
    let mut signals = consumer.signals();
    let mut answer = Waiting::new(stage.transport.inspect(id));
    let inquiry = asked(&mut answer, &mut signals).await;
    consumer.answer(&inquiry, None);
    let answer = answer.await;
    assert!(matches!(answer, Err(InspectError::Changing(changing)) if changing == id), "{answer:?}");
}

pub(crate) async fn inspect_of_a_task_that_does_not_run_has_its_status(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let mut signals = consumer.signals();
    let id = stage.submit_any().await;
    assert_eq!(refused(&*stage.transport, id).await, TaskStatus::Pending);
    consumer.complete(consumer.claim_one().await.claim).await;
    assert_eq!(refused(&*stage.transport, id).await, TaskStatus::Completed);

    let running = stage.submit_any().await;
    let claim = consumer.claim_one().await.claim;
    let mut answer = Waiting::new(stage.transport.inspect(running));
    assert_eq!(asked(&mut answer, &mut signals).await.claim, claim, "the first that it is asked for");
}

pub(crate) async fn inspect_of_an_unknown_task_is_not_found(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let unknown = TaskId::new();
    let answer = stage.transport.inspect(unknown).await;
    assert!(matches!(answer, Err(InspectError::NotFound(id)) if id == unknown), "{answer:?}");
}

/// The state of a run that computes, and has done so many operations.
fn state(claim: &Claim, operations: u64) -> RunState {
    let mut state = RunState::new(claim, RunActivity::Computing);
    state.operations = Some(operations);
    state
}

/// The question, which is sent only while its future is polled.
async fn asked<T>(answer: &mut Waiting<'_, T>, signals: &mut BoxStream<'static, Signal>) -> Inquiry {
    match future::select(answer, signals.next()).await {
        Either::Right((Some(Signal::Inspect(inquiry)), _)) => inquiry,
        Either::Right((other, _)) => panic!("not a question: {other:?}"),
        Either::Left(_) => panic!("it should have waited"),
    }
}

/// The status for which a question is refused.
async fn refused(transport: &dyn Transport, id: TaskId) -> TaskStatus {
    match transport.inspect(id).await {
        Err(InspectError::NotRunning { task, status }) if task == id => status,
        other => panic!("not refused: {other:?}"),
    }
}
