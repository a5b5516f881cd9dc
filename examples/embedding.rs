//! A script engine inside a program, in ten lines; no server, no async runtime.
//!
//! Run it with `cargo run --example embedding`.

#![allow(clippy::print_stdout, reason = "it prints what it shows")]

use rhai_dispatcher::RhaiDispatcherBuilder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = RhaiDispatcherBuilder::new().caller_id("embedding").url("memory:").build()?;
    let request =
        client.new_play_request().worker_id("local").script("args.price * args.count").arg("price", 7);
    let details = futures::executor::block_on(request.arg("count", 6).await_response())?;
    let total: i64 = details.into_result()?;
    println!("The total is {total}");
    Ok(())
}
