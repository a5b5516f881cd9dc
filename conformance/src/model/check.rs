use std::env;
use std::fmt::Write;
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use futures::executor::block_on;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use rhai_dispatcher_core::TransportConfig;

use super::answer::Answer;
use super::history::{NEVER, Times, UNIT, histories};
use super::known_histories::known_histories;
use super::operation::Operation;
use super::player::Player;
use super::queue_model::QueueModel;
use super::world::World;

/// Plays the known histories and that many random ones, each in a world of its own, and compares what the transport answers with what the
/// model says. The environment variable `MODEL_HISTORIES` is another number.
///
/// # Panics
/// If they differ: with the shortest history found in which they do.
pub fn check_histories(count: u32, world: impl Fn() -> Box<dyn World>) {
    let count =
        env::var("MODEL_HISTORIES").map_or(count, |count| count.parse().expect("MODEL_HISTORIES: a number"));
    let times = if world().elapse().is_some() { Times::Passing } else { Times::Standing };
    for history in known_histories() {
        if let Some(failure) = failure_of(&world, &history) {
            panic!("the transport differs from the model:\n{}", failure.trace);
        }
    }
    let config =
        Config { cases: count, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let result = TestRunner::new(config).run(&histories(times), |history| {
        let failure = failure_of(&world, &history);
        failure.map_or(Ok(()), |failure| Err(TestCaseError::fail(failure.trace)))
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(trace, history)) => {
            panic!(
                "the transport differs from the model:\n{}",
                shortest_failure(&world, &history, trace.message())
            )
        }
        Err(error @ TestError::Abort(_)) => panic!("{error}"),
    }
}

/// A history that has failed.
struct Failure {
    /// Its operations, each with what it names.
    resolved: Vec<Operation>,
    /// The same and the answers, to be read.
    trace: String,
}

fn failure_of(world: impl Fn() -> Box<dyn World>, history: &[Operation]) -> Option<Failure> {
    let world = world();
    let mut failure = Failure { resolved: Vec::new(), trace: String::new() };
    let played = panic::catch_unwind(AssertUnwindSafe(|| block_on(play(&*world, history, &mut failure))));
    match played {
        Ok(Ok(())) => return None,
        Ok(Err(Differs)) => {}
        Err(_) => failure.trace.push_str("     it panicked\n"),
    }
    Some(failure)
}

/// Leaves out every operation and every task that is not needed for the failure. What is left, to be read.
fn shortest_failure(world: impl Fn() -> Box<dyn World>, history: &[Operation], trace: &str) -> String {
    let Some(mut shortest) = failure_of(&world, history) else {
        return format!("{trace}\nbut not if it is played again");
    };
    // A failure in the last look, which is always added, may not get shorter.
    let is_shorter = |failure: &Failure, than: &[Operation]| size(&failure.resolved) < size(than);
    while let Some(shorter) = shortened(&shortest.resolved)
        .into_iter()
        .filter_map(|shorter| failure_of(&world, &shorter))
        .find(|failure| is_shorter(failure, &shortest.resolved))
    {
        shortest = shorter;
    }
    shortest.trace
}

/// How many operations and tasks are in a history.
fn size(history: &[Operation]) -> usize {
    let tasks = history.iter().map(|operation| match operation {
        Operation::Submit { tasks, .. } => tasks.len(),
        _ => 0,
    });
    history.len() + tasks.sum::<usize>()
}

/// The history without one of its operations, or one of the tasks.
fn shortened(history: &[Operation]) -> Vec<Vec<Operation>> {
    let without_one = |at: usize| {
        let mut without = history.to_vec();
        let operation = without.remove(at);
        let fewer_tasks = match operation {
            Operation::Submit { queue, tasks } if tasks.len() > 1 => (0..tasks.len())
                .map(|task| {
                    let mut tasks = tasks.clone();
                    tasks.remove(task);
                    let mut fewer = without.clone();
                    fewer.insert(at, Operation::Submit { queue, tasks });
                    fewer
                })
                .collect(),
            _ => Vec::new(),
        };
        [without].into_iter().chain(fewer_tasks)
    };
    (0..history.len()).flat_map(without_one).collect()
}

/// The transport has answered something else than the model; the trace says what.
struct Differs;

async fn play(world: &dyn World, history: &[Operation], failure: &mut Failure) -> Result<(), Differs> {
    let is_standing = world.elapse().is_none();
    let lease = if is_standing { NEVER } else { 10 * UNIT };
    let config = TransportConfig::default()
        .with_queue_limit(12)
        .with_max_deliveries(3)
        .with_lease(lease)
        .with_observation(if is_standing { NEVER } else { 2 * UNIT });
    let lease_takes = if is_standing { Duration::ZERO } else { lease };
    let mut model = QueueModel::new(config.clone(), lease_takes);
    let mut player = Player::new(world, &config).await;
    for (number, operation) in history.iter().chain([&Operation::Look]).enumerate() {
        let Some(operation) = model.resolve(operation) else { continue };
        let _ = writeln!(failure.trace, "{number:3}. {operation}");
        failure.resolved.push(operation.clone());
        let before = model.clone();
        let expected = model.apply(&operation);
        let answer = player.play(&operation, &before, &model, &expected).await;
        if answer != expected {
            let _ = writeln!(
                failure.trace,
                "     the model says {expected:?}\n     the transport says {answer:?}"
            );
            return Err(Differs);
        }
        if answer != Answer::Done && !matches!(operation, Operation::Look) {
            let _ = writeln!(failure.trace, "        {answer:?}");
        }
    }
    player.end().await;
    Ok(())
}
