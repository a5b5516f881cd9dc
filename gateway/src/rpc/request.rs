use std::sync::Arc;

use rhai_dispatcher::task::Json;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::raw::present;
use super::{Code, ErrorObject, Id};

/// A request: the name of a method and what it is called with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// `None` if it is a notification, which has no answer.
    pub(crate) id: Option<Id>,
    pub(crate) method: Arc<str>,
    /// An object or an array.
    pub(crate) params: Option<Json>,
    /// Bytes of its text.
    pub(crate) bytes: usize,
}

/// The members, not checked.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
}

impl Request {
    /// Reads one from JSON.
    ///
    /// # Errors
    /// If it is not a request, with the id of the answer.
    pub(super) fn parse(json: &RawValue) -> Result<Self, (Id, ErrorObject)> {
        let refuse = |id: Id| (id, ErrorObject::new(Code::InvalidRequest));
        let json = json.get();
        let members: Members<'_> = serde_json::from_str(json).map_err(|_| refuse(Id::null()))?;
        let id = match members.id.map(Id::parse) {
            Some(None) => return Err(refuse(Id::null())),
            Some(Some(id)) => Some(id),
            None => None,
        };
        let known = || id.clone().unwrap_or_else(Id::null);
        let text = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
        if members.jsonrpc.and_then(text).as_deref() != Some("2.0") {
            return Err(refuse(known()));
        }
        let Some(method) = members.method.and_then(text) else { return Err(refuse(known())) };
        let params = match members.params.map(RawValue::get) {
            Some(text) if !text.starts_with(['{', '[']) => return Err(refuse(known())),
            params => params.map(Json::of_written),
        };
        Ok(Self { id, method: method.into(), params, bytes: json.len() })
    }
}
