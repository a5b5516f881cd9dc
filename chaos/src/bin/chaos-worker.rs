//! A worker that is there to be broken.

use clap::Parser;
use rhai_dispatcher_chaos::{ChaosWorker, Tether};
use rhai_dispatcher_supervision::Supervised;

fn main() {
    // A child has its supervisor for this.
    let tether = (!Supervised::is_this_process()).then(Tether::tie);
    tracing_subscriber::fmt().with_env_filter("info").with_writer(std::io::stderr).with_ansi(false).init();
    let worker = ChaosWorker::parse();
    match tether {
        None => worker.run_supervised(),
        Some(tether) if worker.is_supervised() => worker.supervise(tether),
        Some(tether) => worker.run(tether),
    }
}
