//! The contract between dispatchers, which submit tasks, and workers, which run them.

mod claim;
mod config;
mod consumer;
mod contract;
mod error;
mod ext;
mod info;
mod report;
mod signal_queue;
mod task_page;
mod url;

pub use claim::Claim;
pub use config::TransportConfig;
pub use consumer::{Claimed, Completion, Consumer, Finish, Finished, Signal};
pub use contract::{Cancelled, Submitted, Transport};
pub use error::{OutcomeError, SubmitError, SubmitOneError, TransportError};
pub use ext::TransportExt;
pub use info::{CrashReport, Health, InstanceInfo, InstanceSpec, QueueInfo, Requeued};
pub use report::{Added, InstanceReport, MethodFigures, Reported};
pub use signal_queue::SignalQueue;
pub use task_page::{QueuePart, TaskCursor, TaskPage};
pub use url::{Secret, TransportUrl, UrlParameters, UrlValue, decode_percent};
