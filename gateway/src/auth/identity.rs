use std::sync::Arc;

use rhai_dispatcher::{RhaiDispatcher, RhaiTaskDetails, WorkerId};

use super::{Access, Caller, Scope, SecretHash, TokenRecord};

/// Who makes a request: an extension of each request that has a valid token or session, and of all if the gateway has no
/// tokens.
#[derive(Debug, Clone)]
pub struct Identity {
    caller: Arc<Caller>,
    dispatcher: RhaiDispatcher,
    scope: Arc<Scope>,
    /// The token, by its id and its hash; `None` if the gateway has no tokens.
    token: Option<(Arc<str>, SecretHash)>,
    session: Option<(SecretHash, Arc<str>)>,
}

impl Identity {
    pub(crate) fn new(caller: Arc<Caller>, dispatcher: RhaiDispatcher, scope: Scope) -> Self {
        Self { caller, dispatcher, scope: Arc::new(scope), token: None, session: None }
    }

    /// That of a token.
    pub(crate) fn with_token(mut self, token: &TokenRecord) -> Self {
        self.token = Some((token.id.clone(), token.sha256));
        self
    }

    /// That of a session, by its id, with what its requests prove with that they are its own.
    pub(crate) fn with_session(mut self, id: SecretHash, csrf: Arc<str>) -> Self {
        self.session = Some((id, csrf));
        self
    }

    /// The caller id of its tasks: the name of its token.
    #[must_use]
    pub fn caller_id(&self) -> &Arc<str> {
        &self.dispatcher.config().caller_id
    }

    /// A dispatcher whose requests have this caller.
    #[must_use]
    pub fn dispatcher(&self) -> &RhaiDispatcher {
        &self.dispatcher
    }

    /// What it may do.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether it may do what needs `access`.
    #[must_use]
    pub fn allows(&self, access: Access) -> bool {
        self.scope.allows(access)
    }

    /// Whether it may see this task: one of its worker ids, and its own, unless it may see those of all callers.
    #[must_use]
    pub fn sees(&self, task: &RhaiTaskDetails) -> bool {
        self.sees_task_of(&task.worker_id, &task.caller_id)
    }

    /// Whether it may see the tasks of a worker id that this caller has submitted.
    #[must_use]
    pub fn sees_task_of(&self, worker_id: &WorkerId, caller_id: &str) -> bool {
        let scope = self.scope();
        scope.allows_worker(worker_id) && (scope.sees_all_tasks() || *caller_id == **self.caller_id())
    }

    /// What the header `x-csrf-token` of each request other than GET has to have; `None` without a session.
    #[must_use]
    pub fn csrf_token(&self) -> Option<&str> {
        self.session.as_ref().map(|(_, csrf)| &**csrf)
    }

    /// The hash of the token.
    pub(super) fn token_hash(&self) -> Option<SecretHash> {
        self.token.as_ref().map(|(_, hash)| *hash)
    }

    pub(crate) fn session_id(&self) -> Option<&SecretHash> {
        self.session.as_ref().map(|(id, _)| id)
    }

    pub(crate) fn token_id(&self) -> Option<&Arc<str>> {
        self.token.as_ref().map(|(id, _)| id)
    }

    /// Whether it is that of this token, and may do what the token allows now.
    pub(super) fn is_of(&self, token: &TokenRecord) -> bool {
        let is_it = self.token.as_ref().is_some_and(|(id, hash)| *id == token.id && *hash == token.sha256);
        is_it && *self.scope == token.scope && *self.caller_id() == token.name
    }

    pub(crate) fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }
}
