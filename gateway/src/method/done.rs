use rhai_dispatcher::TaskId;
use rhai_dispatcher::task::Json;
use serde::Serialize;

use crate::rpc::{Code, ErrorObject};

/// What a method has done.
#[derive(Debug)]
pub(crate) enum Done {
    /// The result.
    Json(Json),
    /// The result is a new subscription to a task.
    Subscribe(TaskId),
    /// The result is whether there was such a subscription.
    Unsubscribe(u64),
}

impl Done {
    /// The result is the JSON form of `value`.
    ///
    /// # Errors
    /// If it has none.
    pub(crate) fn of(value: &impl Serialize) -> Result<Self, ErrorObject> {
        Json::of(value).map(Self::Json).map_err(|error| {
            tracing::error!(%error, "a result has no JSON form");
            Code::InternalError.into()
        })
    }
}
