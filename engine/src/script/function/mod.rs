//! What every script can call and read.
//!
//! - `builtins`, `collections`, `growing_strings`, `curry`: functions of Rhai's that are replaced, since those would hold
//!   the lane's thread or go round a limit
//! - `sleep`: suspends
//! - `tell`: lines of a level, and progress
//! - `constants`: what is known of the task

pub(crate) mod builtins;
pub(crate) mod collections;
pub(crate) mod constants;
pub(crate) mod curry;
pub(crate) mod growing_strings;
pub(crate) mod sleep;
pub(crate) mod tell;

pub(super) use constants::current_args;
