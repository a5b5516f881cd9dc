use std::sync::Arc;

use rhai_dispatcher::{RhaiDispatcher, RhaiTaskDetails};

use super::{Access, Caller, Scope};

/// Who makes a request: an extension of each request that has a valid token or session, and of all if the gateway has no
/// tokens. Clones are the same.
#[derive(Debug, Clone)]
pub struct Identity(Arc<IdentityCore>);

#[derive(Debug)]
struct IdentityCore {
    caller: Arc<Caller>,
    dispatcher: RhaiDispatcher,
    scope: Scope,
    /// The token, by its id; `None` if the gateway has no tokens.
    token_id: Option<Arc<str>>,
    csrf: Option<Arc<str>>,
}

impl Identity {
    pub(crate) fn new(
        caller: Arc<Caller>,
        dispatcher: RhaiDispatcher,
        scope: Scope,
        token_id: Option<Arc<str>>,
        csrf: Option<Arc<str>>,
    ) -> Self {
        Self(Arc::new(IdentityCore { caller, dispatcher, scope, token_id, csrf }))
    }

    /// The caller id of its tasks: the name of its token.
    #[must_use]
    pub fn caller_id(&self) -> &Arc<str> {
        &self.0.dispatcher.config().caller_id
    }

    /// A dispatcher whose requests have this caller.
    #[must_use]
    pub fn dispatcher(&self) -> &RhaiDispatcher {
        &self.0.dispatcher
    }

    /// What it may do.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// Whether it may do what needs `access`.
    #[must_use]
    pub fn allows(&self, access: Access) -> bool {
        self.0.scope.allows(access)
    }

    /// Whether it may see this task: one of its worker ids, and its own, unless it may see those of all callers.
    #[must_use]
    pub fn sees(&self, task: &RhaiTaskDetails) -> bool {
        let scope = self.scope();
        scope.allows_worker(&task.worker_id)
            && (scope.sees_all_tasks() || task.caller_id == *self.caller_id())
    }

    /// What the header `x-csrf-token` of each request other than GET has to have; `None` without a session.
    #[must_use]
    pub fn csrf_token(&self) -> Option<&str> {
        self.0.csrf.as_deref()
    }

    pub(crate) fn token_id(&self) -> Option<&Arc<str>> {
        self.0.token_id.as_ref()
    }

    pub(crate) fn caller(&self) -> &Arc<Caller> {
        &self.0.caller
    }
}
