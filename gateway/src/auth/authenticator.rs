use axum::http::HeaderMap;
use rhai_dispatcher::{RhaiDispatcher, RhaiDispatcherError};

use super::{Caller, Identity, Scope};

/// Finds out who makes a request.
#[derive(Debug)]
pub(crate) struct Authenticator {
    /// The identity of all requests, if there are no tokens.
    open: Option<Identity>,
}

/// The request has a token or a session that is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

impl Authenticator {
    /// The caller id of all requests, if there are no tokens.
    const OPEN_CALLER: &str = "gateway";

    /// Without tokens: every request may do everything.
    ///
    /// # Errors
    /// None that can happen: the caller id is valid.
    pub(crate) fn open(dispatcher: &RhaiDispatcher) -> Result<Self, RhaiDispatcherError> {
        let dispatcher = dispatcher.for_caller(Self::OPEN_CALLER)?;
        let caller = std::sync::Arc::new(Caller::default());
        Ok(Self { open: Some(Identity::new(caller, dispatcher, Scope::admin(), None, None)) })
    }

    /// Whether there are no tokens.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The identity of a request; none if it names no token and no session.
    ///
    /// # Errors
    /// If it names one that is not valid.
    pub(crate) fn identify(&self, _headers: &HeaderMap) -> Result<Option<Identity>, Refused> {
        Ok(self.open.clone())
    }
}
