//! Waits for outcomes: the inbox to which they are sent, and the reads of records that were not told of.

mod checker;
mod checks;
mod inbox;
mod outcome_future;
mod record_read;
mod wait_guard;
mod wait_table;
mod waits;

pub(crate) use checker::Checker;
pub(crate) use inbox::{Inbox, Listener, check_channels, inbox_message, publish};
pub(crate) use outcome_future::OutcomeFuture;
pub(crate) use record_read::{read_details, read_summaries};
pub(crate) use waits::Waits;
