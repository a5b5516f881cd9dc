//! The errors that native functions answer to a script.
//!
//! - `native_result`: [`NativeResult`]
//! - `too_large`: [`TooLarge`], for values larger than a script may have
//! - `limit_exceeded`: [`LimitExceeded`], for limits that Rhai does not know

mod limit_exceeded;
mod native_result;
mod too_large;

pub(crate) use limit_exceeded::{LimitExceeded, exceeded, raise};
pub(crate) use native_result::NativeResult;
pub(crate) use too_large::{Size, TooLarge};
