use crate::auth::Identity;
use crate::core::Core;

/// What a method knows of its call beside the parameters.
#[derive(Debug, Clone)]
pub(crate) struct CallContext {
    pub(crate) core: Core,
    pub(crate) identity: Identity,
    /// Whether the task of the call is kept when its client leaves.
    pub(crate) keep: bool,
    /// Whether the request is a notification, which is not waited for.
    pub(crate) is_notification: bool,
    /// Whether the client can be sent events.
    pub(crate) is_socket: bool,
}
