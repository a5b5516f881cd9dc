//! Requests: the calls that a script started with `name_async(...)` and can poll or await.

mod docs;
mod functions;
mod limit_exceeded;
mod problem;
#[expect(clippy::module_inception, reason = "the file is named for its main type")]
mod request;
mod request_future;
mod requests;

pub(crate) use docs::DOCS;
pub(crate) use functions::register;
pub(crate) use limit_exceeded::LimitExceeded;
pub(crate) use request::Started;
pub(crate) use requests::Requests;
