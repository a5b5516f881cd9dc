//! A worker that is there to be broken.

use clap::Parser;
use rhai_dispatcher_chaos::{ChaosWorker, Tether};

fn main() {
    let tether = Tether::tie();
    tracing_subscriber::fmt().with_env_filter("info").with_writer(std::io::stderr).with_ansi(false).init();
    ChaosWorker::parse().run(tether);
}
