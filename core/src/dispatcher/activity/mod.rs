//! How tasks have ended, over all worker ids.

mod activity_page;
mod activity_request;
mod error_groups;
mod log_reader;

pub use activity_page::{ActivityCursor, ActivityPage};
pub use activity_request::ActivityRequest;
pub use error_groups::{ErrorGroup, ErrorGroups};
