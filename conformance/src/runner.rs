use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use libtest_mimic::{Arguments, Failed, Trial};

use crate::faulty::{Faithful, FaultyEnvironment};
use crate::{CASES, Case, Environment, FAULTS, FaultCase};

/// Runs the suite as a test program: each case on a thread of its own, in an environment of its
/// own, under a watchdog. Filters, `--list` and `--exact` work as in other tests.
pub fn main(name: &str, environment: impl Fn() -> Box<dyn Environment> + Send + Sync + 'static) -> ExitCode {
    let environment = Arc::new(environment);
    let trials = CASES.iter().map(|case| {
        let environment = Arc::clone(&environment);
        Trial::test(format!("{name}::{}", case.name), move || {
            Ok(run(case.name, case, move || environment())?)
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// Checks that the cases catch the [`FAULTS`], as a test program.
///
/// With a wrapper without a fault every case passes. With each of the [`FAULTS`] the cases that
/// it names fail; without it they pass.
pub fn faults_main(
    name: &str,
    environment: impl Fn() -> Box<dyn Environment> + Send + Sync + 'static,
) -> ExitCode {
    silence_expected_panics();
    let environment = Arc::new(environment);
    let faithful = CASES.iter().map(|case| {
        let environment = Arc::clone(&environment);
        Trial::test(format!("{name}::wrapped::{}", case.name), move || {
            let wrapped = move || FaultyEnvironment::boxed(environment(), Arc::new(Faithful));
            Ok(run(case.name, case, wrapped)?)
        })
    });
    let faults = FAULTS.iter().copied().flatten().flat_map(|fault| {
        fault.caught_by.iter().map({
            let environment = Arc::clone(&environment);
            move |case| {
                let environment = Arc::clone(&environment);
                Trial::test(format!("{name}::{}::{case}", fault.name), move || {
                    catch(fault, case, &environment)
                })
            }
        })
    });
    let mut arguments = Arguments::from_args();
    // Most of these cases wait for an event that does not happen, so many can run at once.
    arguments.test_threads.get_or_insert(16);
    libtest_mimic::run(&arguments, faithful.chain(faults).collect()).exit_code()
}

/// The prefix of the names of threads that are expected to panic.
const EXPECTED: &str = "faulty ";

fn catch<E>(fault: &'static FaultCase, name: &str, environment: &Arc<E>) -> Result<(), Failed>
where
    E: Fn() -> Box<dyn Environment> + Send + Sync + 'static,
{
    let case = CASES.iter().find(|case| case.name == name).ok_or("the suite does not have this case")?;
    let bare = Arc::clone(environment);
    run(case.name, case, move || bare()).map_err(|why| format!("it fails without the fault: {why}"))?;
    let inner = Arc::clone(environment);
    let faulty = move || FaultyEnvironment::boxed_hasty(inner(), (fault.make)());
    match run(&format!("{EXPECTED}{}", fault.name), case, faulty) {
        Err(_) => Ok(()),
        Ok(()) => Err("the case passes in spite of the fault".into()),
    }
}

/// Runs one case to its end, or until the environment's patience is over. A case that hangs
/// stays on its thread, because a thread can't be ended from outside.
fn run(
    thread_name: &str,
    case: &'static Case,
    environment: impl FnOnce() -> Box<dyn Environment> + Send + 'static,
) -> Result<(), String> {
    /// An environment may have to start a server first.
    const START: Duration = Duration::from_secs(60);

    let (begun, patience) = mpsc::channel();
    let (ended, result) = mpsc::channel();
    let body = move || {
        let attempt = panic::catch_unwind(AssertUnwindSafe(|| {
            let env = environment();
            let _ = begun.send(env.patience());
            block_on((case.run)(&*env));
        }));
        let _ = ended.send(attempt.map_err(|panic| message(&*panic)));
    };
    thread::Builder::new().name(thread_name.to_owned()).spawn(body).map_err(|error| error.to_string())?;
    // The thread sends no patience if it could not make the environment; the result then has the reason.
    let patience = patience.recv_timeout(START).unwrap_or(START);
    result.recv_timeout(patience).unwrap_or_else(|_| Err(format!("it still waits after {patience:?}")))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
}

/// Hides the expected panics, because they would make a real panic hard to find in the output.
fn silence_expected_panics() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !thread::current().name().is_some_and(|name| name.starts_with(EXPECTED)) {
            print(info);
        }
    }));
}
