use std::time::{Duration, Instant};

use crate::cargo::Cargo;
use crate::error::Error;
use crate::setup::Tool;

/// One named part of a chore that passes or fails.
#[derive(Debug)]
pub(crate) struct Step {
    name: &'static str,
    about: &'static str,
    needs: Vec<&'static Tool>,
    action: Action,
}

#[derive(Debug)]
enum Action {
    Cargo(Cargo),
    Check(fn() -> Result<(), Error>),
}

impl Step {
    /// A step that is one run of cargo.
    pub(crate) fn cargo(name: &'static str, about: &'static str, cargo: Cargo) -> Self {
        Self { name, about, needs: Vec::new(), action: Action::Cargo(cargo) }
    }

    /// A step that is code of this program.
    pub(crate) fn check(name: &'static str, about: &'static str, check: fn() -> Result<(), Error>) -> Self {
        Self { name, about, needs: Vec::new(), action: Action::Check(check) }
    }

    /// The tools that are installed before it starts.
    pub(crate) fn needs(mut self, tools: &[&'static Tool]) -> Self {
        self.needs.extend(tools);
        self
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    fn line(&self) -> String {
        match &self.action {
            Action::Cargo(cargo) => cargo.line(),
            Action::Check(_) => format!("cargo xtask test --only {}", self.name),
        }
    }

    fn run(&self) -> Result<Duration, Error> {
        println!("\n==> {}: {}", self.name, self.line());
        let started = Instant::now();
        let ended = match &self.action {
            Action::Cargo(cargo) => cargo.run(),
            Action::Check(check) => check(),
        };
        let took = started.elapsed();
        let verdict = if ended.is_ok() { "passed" } else { "FAILED" };
        println!("==> {}: {verdict} after {}", self.name, seconds(took));
        ended.map(|()| took).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: Error) -> Error {
        let command = match &self.action {
            Action::Cargo(cargo) => cargo.line(),
            Action::Check(_) => String::new(),
        };
        Error::Step { name: self.name, command, source: Box::new(source) }
    }
}

/// Prints each step with its command, one a line.
pub(crate) fn list(steps: &[Step]) {
    for step in steps {
        println!("{:<13} {}\n{:<13} {}", step.name, step.about, "", step.line());
    }
}

/// Installs every missing tool first, then runs the steps up to the first that fails.
pub(crate) fn run_all(steps: &[Step]) -> Result<(), Error> {
    let started = Instant::now();
    for step in steps {
        for tool in &step.needs {
            tool.ensure().map_err(|source| step.failed(source))?;
        }
    }
    let times = steps.iter().map(|step| Ok((step.name, step.run()?))).collect::<Result<Vec<_>, Error>>()?;
    println!();
    for (name, took) in times {
        println!("{name:<13} {:>9}", seconds(took));
    }
    println!("{:<13} {:>9}", "all passed", seconds(started.elapsed()));
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn broken() -> Result<(), Error> {
        Err(Error::Unreadable("this is broken".to_owned()))
    }

    #[test]
    fn failed_step_says_which_it_was_and_how_to_run_it_alone() {
        let said = run_all(&[Step::check("odd", "", broken)]).map_err(|error| error.to_string());
        let said = said.expect_err("the step fails");
        assert!(said.contains("step `odd` failed") && said.contains("this is broken"), "{said}");
        assert!(said.contains("cargo xtask test --only odd"), "{said}");
    }

    #[test]
    fn failed_command_is_told_word_for_word() {
        let step = Step::cargo("odd", "", Cargo::new("no-such-subcommand"));
        let said = step.run().expect_err("cargo has no such subcommand").to_string();
        assert!(said.ends_with("or: cargo no-such-subcommand"), "{said}");
    }

    #[test]
    fn nothing_runs_after_a_failure() {
        static RAN: AtomicBool = AtomicBool::new(false);
        fn never() -> Result<(), Error> {
            RAN.store(true, Ordering::Relaxed);
            Ok(())
        }
        let steps = [Step::check("odd", "", broken), Step::check("late", "", never)];
        assert!(run_all(&steps).is_err());
        assert!(!RAN.load(Ordering::Relaxed));
    }
}
