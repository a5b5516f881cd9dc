//! Unit tests of scripts, and of programs that send them: a hub, a worker and a clock that the test moves.
//!
//! A [`TestHarness`] has a hub of its own, so tests run beside each other. Time stands still until the test moves it,
//! or waits for a future: then the clock jumps from one due time to the next whenever the worker has nothing to do. A
//! script that sleeps for half an hour ends within milliseconds.
//!
//! ```
//! use std::time::Duration;
//!
//! use rhai_dispatcher::TaskStatus;
//! use rhai_dispatcher::testing::TestHarness;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let harness = TestHarness::new();
//! let client = harness.dispatcher();
//! let request = client.new_play_request().worker_id("worker-1").script("sleep(1800); 42");
//! let id = harness.block_on(request.submit())?;
//!
//! harness.advance(Duration::from_secs(1799));
//! assert_eq!(harness.block_on(client.status(id))?.status, TaskStatus::Processing);
//! harness.advance(Duration::from_secs(1));
//! assert_eq!(harness.block_on(client.status(id))?.into_result::<i64>()?, 42);
//!
//! // Or in one call: the clock moves until the future is ready.
//! let request = client.new_play_request().worker_id("worker-1").script("sleep(20); 43");
//! assert_eq!(harness.block_on(request.await_response())?.into_result::<i64>()?, 43);
//! # Ok(())
//! # }
//! ```
//!
//! # What the clock decides
//! Sleeps, timeouts, delays, expiry, retries, leases and the lifetime of records. Limits of computing time
//! (`max_cpu_time`) and the slices of scripts go by the system's time.
//!
//! Blocking functions of scripts are waited for before the clock moves. An asynchronous function that waits for
//! something outside, such as an answer from the network, looks like a script with nothing to do: its timeout may be
//! over before the answer comes. Give the engine a function that answers by itself instead.

mod builder;
mod harness;

pub use builder::TestHarnessBuilder;
pub use harness::TestHarness;
pub use rhai_dispatcher_core::ManualClock;
