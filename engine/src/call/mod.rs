//! Calls of asynchronous and blocking functions that are under way, and those of them that a script holds as requests.
//!
//! - `call_future`: [`CallFuture`], one call under way
//! - `call_end`, `call_error`: how it ends, and what a script catches
//! - `runtime`: [`Runtime`], tokio's, in which calls are polled
//! - `request_table`: [`RequestTable`], the requests of one task
//! - `request`, `request_future`: one of them

mod call_end;
mod call_error;
mod call_future;
mod request;
mod request_future;
mod request_table;
mod runtime;

pub(crate) use call_end::CallEnd;
pub(crate) use call_error::{
    CANCELLED, CallError, INVALID, MAX_MESSAGE, NOT_FOUND, NOT_READY, PANIC, RUNTIME, TIMEOUT, TOO_LARGE,
};
pub(crate) use call_future::{CallBody, CallFuture, CallTimes};
pub(crate) use request::{RequestState, Started, UnderWay};
pub(crate) use request_table::{RequestTable, Unfetched};
pub(crate) use runtime::Runtime;
