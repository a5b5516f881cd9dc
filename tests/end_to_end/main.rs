//! The same cases under every way to drive futures, and over every transport: what a script, its
//! caller and its worker can rely on does not depend on either.

#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]

mod cases;
mod fixture;
mod runtimes;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for store in &fixture::STORES {
        for runtime in &runtimes::RUNTIMES {
            for case in cases::CASES {
                let name = format!("{}::{}::{}", store.name, runtime.name, case.name);
                trials.push(Trial::test(name, move || {
                    runtime.drive(async move {
                        let fixture = (store.open)();
                        (case.run)(fixture).await;
                    });
                    Ok(())
                }));
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
