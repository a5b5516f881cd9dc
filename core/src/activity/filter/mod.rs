//! What is looked for in the activity, and its text form.

mod activity_filter;
mod filter_error;
mod moment;
mod parse;
mod word;

pub use activity_filter::ActivityFilter;
pub use filter_error::FilterError;
pub use moment::Moment;
