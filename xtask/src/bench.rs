use clap::Args;

use crate::cargo::Cargo;
use crate::error::Error;

/// Run the benchmarks
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Passed on to every benchmark: a filter, `--quick`, `--save-baseline NAME`, …
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

impl Bench {
    pub(crate) fn run(self) -> Result<(), Error> {
        // `--bench *` leaves out the library's own test harness, which knows none of these arguments.
        let cargo =
            Cargo::new("bench --package rhai-dispatcher --features http --bench * --").with_args(self.args);
        println!("{}", cargo.line());
        cargo.run()
    }
}
