//! The way in: takes ids from a queue, runs their tasks as a client of the dispatcher, and answers.

mod bridge_core;
mod byte_budget;
mod config;
mod ending;
mod held_ids;
mod held_task;
mod list_bridge;
mod renew;
mod request;
mod take_loop;

pub use config::ListBridgeConfig;
pub use list_bridge::{ListBridge, RunningListBridge};
