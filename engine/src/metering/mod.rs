//! How a script's operations and time are counted, so that it yields at the end of its slice and ends at its limits.
//!
//! - `budget`: [`Budget`], what each operation compares: the usual case
//! - `epoch_ticker`: [`EpochTicker`], which counts milliseconds for all lanes
//! - `meter`: [`Meter`], what one script has used, and how often it reads the clock
//!
//! What happens at a check is in `script/run/progress.rs`.

mod budget;
mod epoch_ticker;
mod meter;

pub(crate) use budget::Budget;
pub(crate) use epoch_ticker::EpochTicker;
pub(crate) use meter::Meter;
