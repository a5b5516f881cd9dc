//! What scripts can do with requests: the calls that they started with `name_async(...)`.

mod functions;
mod requests;

pub(crate) use functions::register;
pub(crate) use requests::Requests;
