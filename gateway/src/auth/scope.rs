use rhai_dispatcher::WorkerId;
use rhai_dispatcher::task::MethodName;
use serde::{Deserialize, Serialize};

use super::{Access, Pattern};

/// What a token allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Scope {
    /// What it is for.
    pub role: Role,
    /// The methods that it may call. Default: all.
    #[serde(default = "any")]
    pub methods: Vec<Pattern>,
    /// The worker ids whose tasks, queues and methods it may use and see. Default: all.
    #[serde(default = "any")]
    pub worker_ids: Vec<Pattern>,
    /// Whether it may run scripts, and not methods only. Default: no.
    #[serde(default)]
    pub scripts: bool,
    /// Whether it may see, and if its role allows that cancel, the tasks of other callers. Default: no.
    #[serde(default)]
    pub all_tasks: bool,
}

/// What a token is for. Each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads: tasks, queues, handlers.
    Read,
    /// Calls methods, and runs scripts if the scope says so.
    Call,
    /// Everything, also the audit log, pauses, and the tasks of all callers.
    Admin,
}

fn any() -> Vec<Pattern> {
    vec![Pattern::any()]
}

impl Scope {
    /// The scope of a role, for all methods and worker ids, without scripts and tasks of others.
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self { role, methods: any(), worker_ids: any(), scripts: false, all_tasks: false }
    }

    /// The scope that allows everything.
    #[must_use]
    pub fn admin() -> Self {
        Self { scripts: true, all_tasks: true, ..Self::new(Role::Admin) }
    }

    /// Sets [`methods`](Self::methods).
    #[must_use]
    pub fn with_methods(mut self, methods: Vec<Pattern>) -> Self {
        self.methods = methods;
        self
    }

    /// Sets [`worker_ids`](Self::worker_ids).
    #[must_use]
    pub fn with_worker_ids(mut self, worker_ids: Vec<Pattern>) -> Self {
        self.worker_ids = worker_ids;
        self
    }

    /// Sets [`scripts`](Self::scripts).
    #[must_use]
    pub fn with_scripts(mut self, scripts: bool) -> Self {
        self.scripts = scripts;
        self
    }

    /// Sets [`all_tasks`](Self::all_tasks).
    #[must_use]
    pub fn with_all_tasks(mut self, all_tasks: bool) -> Self {
        self.all_tasks = all_tasks;
        self
    }

    /// Whether it allows what needs `access`.
    #[must_use]
    pub fn allows(&self, access: Access) -> bool {
        match access {
            Access::Public => true,
            Access::Read => self.role >= Role::Read,
            Access::Call => self.role >= Role::Call,
            Access::Scripts => self.role >= Role::Call && self.runs_scripts(),
            Access::Admin => self.role == Role::Admin,
        }
    }

    /// Whether it allows calls of `method`.
    #[must_use]
    pub fn allows_method(&self, method: &MethodName) -> bool {
        self.role >= Role::Call && self.sees_method(method)
    }

    /// Whether it allows to know of `method`.
    #[must_use]
    pub fn sees_method(&self, method: &MethodName) -> bool {
        self.methods.iter().any(|pattern| pattern.matches(method.as_str()))
    }

    /// Whether it allows to use and to see what belongs to `worker_id`.
    #[must_use]
    pub fn allows_worker(&self, worker_id: &WorkerId) -> bool {
        self.worker_ids.iter().any(|pattern| pattern.matches(worker_id.as_str()))
    }

    /// Whether it allows to see the tasks of every caller.
    #[must_use]
    pub fn sees_all_tasks(&self) -> bool {
        self.all_tasks || self.role == Role::Admin
    }

    fn runs_scripts(&self) -> bool {
        self.scripts || self.role == Role::Admin
    }
}
