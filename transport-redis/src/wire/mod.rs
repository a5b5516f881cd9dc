//! What goes over the wire as postcard (a version byte, then a private struct of that version), and the hash of a record.
//! The structs mirror core's types, which may change when the wire must not.

mod activity;
mod encoding;
pub(crate) mod event;
pub(crate) mod inquiry;
mod last_text;
pub(crate) mod record;
pub(crate) mod summary;
mod task_end;
mod task_payload;

pub(crate) use activity::{decode_ends, decode_runs, encode_runs};
pub(crate) use encoding::{VERSION, millis};
pub(crate) use task_end::{TaskEnd, decode_end, encode_end};
pub(crate) use task_payload::{decode_task, encode_task};
