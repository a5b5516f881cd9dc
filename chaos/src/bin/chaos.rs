//! A run of fault injection; see the library.

#![expect(clippy::print_stdout, reason = "it reports to its terminal")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use rhai_dispatcher_chaos::{Fault, Judge, Plan, Round, Sort, Tally, Tether};
use rhai_dispatcher_redis::CRASH_POINTS;

/// Inject faults for a while, and count broken promises
#[derive(Debug, Parser)]
struct Chaos {
    /// How long; the round under way is brought to its end
    #[arg(long, default_value_t = 20)]
    minutes: u64,
    /// What decides the plan
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Every fault once, instead of by time
    #[arg(long)]
    brief: bool,
    /// No other fault than this one
    #[arg(long, value_name = "FAULT")]
    only: Option<Fault>,
    /// End when the standard input ends: for a parent process
    #[arg(long)]
    tethered: bool,
    /// Where the tally goes as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// From so many minutes on a run is a full one.
const FULL_RUN: u64 = 20;

/// How often each fault has to land in a full run: one of the network lasts about as long as two others.
const fn full_landings(sort: Sort) -> u64 {
    match sort {
        Sort::Process => 10,
        Sort::Network => 5,
    }
}

fn main() -> ExitCode {
    let options = Chaos::parse();
    let _tether = options.tethered.then(Tether::tie);
    match options.run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Chaos {
    fn run(&self) -> std::io::Result<bool> {
        let start = Instant::now();
        let end = start + Duration::from_secs(self.minutes.saturating_mul(60));
        let mut plan = Plan::new(self.seed, (!self.brief).then_some(self.minutes)).only(self.only);
        let mut tally = Tally { seed: self.seed, ..Tally::default() };
        loop {
            let round = plan.next_round();
            tally.rounds += 1;
            let number = tally.rounds;
            println!("round {number}: appendfsync {}, seed {}", round.fsync, round.seed);
            let may_lose = round.fsync != "always";
            let (fixture, points) =
                Round::open(round)?.run(|line| println!("  {:>5} s  {line}", start.elapsed().as_secs()))?;
            for (point, fired) in points {
                tally.point(point, fired);
            }
            Judge::new(&fixture, may_lose).judge(&mut tally)?;
            tally.seconds = start.elapsed().as_secs();
            if !tally.verdict(|_| 0, plan.crowd()).is_empty() {
                println!("  kept: {}", fixture.keep().display());
            }
            let over = if self.brief { number >= Plan::brief_rounds() } else { Instant::now() >= end };
            if over {
                break;
            }
        }
        let least = |fault: Fault| {
            let full = full_landings(fault.sort());
            let least = match self.minutes {
                // The other faults do not strike.
                _ if self.only.is_some() => 0,
                _ if self.brief => 1,
                FULL_RUN.. => full,
                // Short runs have more rounds for their time, each with a beginning and an end.
                minutes => minutes * full / FULL_RUN * 3 / 4,
            };
            usize::try_from(least).unwrap_or(usize::MAX)
        };
        let mut broken = tally.verdict(least, plan.crowd());
        if !self.brief && self.only.is_none() && self.minutes >= FULL_RUN {
            let untried = CRASH_POINTS.iter().filter(|point| !tally.points.contains_key(**point));
            broken.extend(untried.map(|point| format!("crash point {point}: not tried")));
        }
        println!("\n{tally}");
        for detail in tally.failures.iter().take(5) {
            println!("repeated: {detail}");
        }
        for detail in &tally.details {
            println!("detail: {detail}");
        }
        for what in &broken {
            println!("BROKEN {what}");
        }
        let json = serde_json::json!({ "tally": tally, "broken": broken });
        match &self.json {
            Some(path) => std::fs::write(path, json.to_string())?,
            None => println!("{json}"),
        }
        Ok(broken.is_empty())
    }
}
