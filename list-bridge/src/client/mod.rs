//! The way out: a dispatcher's tasks for a worker that knows only the list protocol.

mod list_transport;
mod list_url;
mod replies;
mod reply_reader;
mod unsupported;

pub use list_transport::ListTransport;
pub use list_url::ListUrl;
