//! A script that outlasts its timeout: the caller gets a typed error with the task's id, and the task
//! is withdrawn.
//!
//! Run it with `cargo run --example timeout_example`.

#![allow(clippy::print_stdout, reason = "it prints what it shows")]

use std::time::{Duration, Instant};

use rhai_dispatcher::{RhaiDispatcherBuilder, RhaiDispatcherError};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = RhaiDispatcherBuilder::new().caller_id("timeout-example").url("memory:").build()?;
    let script = r#"
        print("this takes an hour");
        sleep(3600);
        "never seen"
    "#;

    let start = Instant::now();
    let request =
        client.new_play_request().worker_id("worker-1").script(script).timeout(Duration::from_secs(1));
    let timed_out = match request.await_response().await {
        Err(RhaiDispatcherError::Timeout(timed_out)) => timed_out,
        other => return Err(format!("expected a timeout, got {other:?}").into()),
    };
    println!("Task {timed_out} timed out after {:.1?}: {}", start.elapsed(), timed_out.progress());

    // The timeout has withdrawn the task, so it does not run for an hour.
    let details = client.wait(timed_out.task_id(), Duration::from_secs(5)).await?;
    let reason = details.cancel_reason.map_or("no reason", |reason| reason.as_str());
    println!("It is {} ({reason})", details.status);
    for line in details.log.lines() {
        println!("It had printed: {}", line.text);
    }
    Ok(())
}
