use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::cargo::Cargo;
use crate::error::Error;
use crate::step::Step;
use crate::{checks, setup, step};

/// Check everything: format, lints, tests, docs, dependencies
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Run this step alone (may be given more than once)
    #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(steps().iter().map(Step::name)))]
    only: Vec<String>,
    /// Name the steps and their commands, and run nothing
    #[arg(long)]
    list: bool,
}

impl Test {
    pub(crate) fn run(self) -> Result<(), Error> {
        let mut steps = steps();
        if !self.only.is_empty() {
            steps.retain(|step| self.only.iter().any(|name| name == step.name()));
        }
        if self.list {
            step::list(&steps);
            return Ok(());
        }
        step::run_all(&steps)
    }
}

/// The steps, cheap ones first, so that a small mistake is not reported after half an hour.
fn steps() -> Vec<Step> {
    vec![
        Step::cargo("fmt", "formatting", Cargo::new("fmt --all --check")).needs(&[&setup::RUSTFMT]),
        Step::check(
            "dependencies",
            "no async runtime in core, the memory transport and the engine",
            checks::dependencies,
        ),
        Step::check("licences", "no package with a licence that is not allowed", checks::licences),
        Step::check("circles", "no files that import each other in a circle", checks::circles),
        Step::check("words", "no words but those that the project uses", checks::words),
        Step::check("paths", "documents name files that are there", checks::paths),
        Step::cargo(
            "clippy",
            "lints of every target",
            Cargo::new("clippy --workspace --all-targets -- -D warnings"),
        )
        .needs(&[&setup::CLIPPY]),
        Step::cargo(
            "clippy-bare",
            "lints of the facade without features",
            Cargo::new("clippy --package rhai-dispatcher --no-default-features --lib -- -D warnings"),
        )
        .needs(&[&setup::CLIPPY]),
        Step::cargo(
            "clippy-faults",
            "lints of the Redis transport with the faults that the chaos harness has to catch",
            Cargo::new(
                "clippy --package rhai-dispatcher-redis --lib \
                 --features crash-points,fault-no-fence,fault-no-recheck,fault-finish-order -- -D warnings",
            ),
        )
        .needs(&[&setup::CLIPPY]),
        Step::cargo(
            "clippy-sync",
            "lints of the engine with Rhai's sync feature",
            Cargo::new(
                "clippy --package rhai-dispatcher-engine --features sync --all-targets -- -D warnings",
            ),
        )
        .needs(&[&setup::CLIPPY]),
        Step::cargo(
            "clippy-otel",
            "lints of the command and the facade with OpenTelemetry",
            Cargo::new(
                "clippy --package rhaid --package rhai-dispatcher --features rhaid/otel --all-targets -- -D warnings",
            ),
        )
        .needs(&[&setup::CLIPPY]),
        Step::cargo(
            "docs",
            "documentation without warnings",
            Cargo::new("doc --workspace --no-deps").with_env("RUSTDOCFLAGS", "-D warnings"),
        ),
        Step::cargo(
            "test",
            "all tests, doctests among them; examples are built",
            Cargo::new("test --workspace --no-fail-fast"),
        )
        .needs(&[
            &setup::REDIS_SERVER,
            &setup::PYTHON,
            &setup::NODE,
            &setup::CURL,
            &setup::OPENSSL,
            &setup::CHROMIUM,
            &setup::CHROMEDRIVER,
        ]),
        Step::cargo(
            "test-otel",
            "tests of OpenTelemetry",
            Cargo::new(
                "test --package rhaid --package rhai-dispatcher --features rhaid/otel --test otel --test opentelemetry \
                 --no-fail-fast",
            ),
        )
        .needs(&[&setup::REDIS_SERVER]),
        Step::cargo(
            "test-sync",
            "tests of the engine with Rhai's sync feature",
            Cargo::new("test --package rhai-dispatcher-engine --features sync --no-fail-fast"),
        ),
        // Optimised code uses the stack and registers differently: unsafe code is tested in both forms.
        Step::cargo(
            "test-release",
            "tests of the engine, optimised",
            Cargo::new("test --package rhai-dispatcher-engine --release --no-fail-fast"),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn step_names_are_unique() {
        let steps = steps();
        let names: HashSet<_> = steps.iter().map(Step::name).collect();
        assert_eq!(names.len(), steps.len());
    }
}
