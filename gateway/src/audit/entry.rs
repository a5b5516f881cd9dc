use std::net::IpAddr;
use std::sync::Arc;

use rhai_dispatcher::transport::WallTime;
use serde::{Deserialize, Serialize};

/// One entry of the audit log: a line of JSON in its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditEntry {
    /// When it was done, by the clock of this machine.
    pub(crate) at: WallTime,
    /// The caller; `None` if it is not known, as of a login that failed.
    pub(crate) caller_id: Option<Arc<str>>,
    /// The token.
    #[serde(default)]
    pub(crate) token_id: Option<Arc<str>>,
    /// The address of the client.
    pub(crate) address: IpAddr,
    /// What was done: the name of a method or `login`, `login.failed`, `logout`.
    pub(crate) action: Arc<str>,
    /// What it was done to: a task or a worker id.
    #[serde(default)]
    pub(crate) target: Option<Arc<str>>,
    /// More about it, such as the worker id of a script.
    #[serde(default)]
    pub(crate) detail: Option<Arc<str>>,
}
