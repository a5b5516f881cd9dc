use std::collections::BTreeMap;
use std::sync::Arc;

use rhai_dispatcher_core::{Dispatcher, HandlerInfo, Invalid, MethodName, Task, TaskError, TaskErrorKind};
use rhai_dispatcher_engine::nearest;

use crate::built_in::built_in;
use crate::folder::{Found, ScriptFolder};
use crate::info::{HandlerProblem, HandlersInfo};
use crate::layers::{Layered, MethodService, PassOn};
use crate::native::{MethodHandler, NativeHandler};

/// The methods of a worker: those of its handlers, and those of a folder of scripts. Clones are the same.
///
/// A worker's lanes run calls of them with a [`CallHandler`](crate::CallHandler) each.
#[derive(Debug, Clone, Default)]
pub struct Handlers {
    table: Arc<Table>,
    /// What each worker has, unless it has a handler of the same name.
    built_in: Option<Arc<NativeHandler>>,
}

#[derive(Debug, Default)]
struct Table {
    by_name: BTreeMap<Arc<str>, Arc<NativeHandler>>,
    by_method: BTreeMap<MethodName, Arc<NativeHandler>>,
    folder: Option<ScriptFolder>,
    /// What is around the methods of scripts, if there are layers.
    layers_of_scripts: Option<Arc<Layered>>,
}

/// What a call is for.
#[derive(Debug)]
pub(crate) enum Target {
    Native(Arc<NativeHandler>),
    Script(Found),
}

impl Handlers {
    /// Registers `handlers`, beside the scripts of `folder`. A handler hides a script of the same name.
    ///
    /// # Errors
    /// [`Invalid`] naming the setter of a handler, or two handlers of one name.
    pub fn new(
        handlers: impl IntoIterator<Item = MethodHandler>,
        folder: Option<ScriptFolder>,
    ) -> Result<Self, Invalid> {
        let layers = folder.as_ref().and_then(|folder| folder.layers().around(|| MethodService::new(PassOn)));
        let mut table = Table { folder, layers_of_scripts: layers.map(Arc::new), ..Table::default() };
        for handler in handlers {
            let native = Arc::new(NativeHandler::new(&handler)?);
            for method in handler.methods.keys() {
                table.by_method.insert(method.clone(), Arc::clone(&native));
            }
            if table.by_name.insert(Arc::clone(&handler.name), native).is_some() {
                let problem = format!("`{}` is registered twice", handler.name);
                return Err(Invalid::new("handler", problem, "give each handler a name of its own"));
            }
        }
        for problem in table.hidden() {
            tracing::warn!(file = problem.file, "{}", problem.message);
        }
        Ok(Self { table: Arc::new(table), built_in: None })
    }

    /// Adds the methods that every worker of the facade has: `handlers.list`, `handlers.get` and `handlers.rpc`, which read
    /// by `dispatcher`. A handler or a file named `handlers` comes before them.
    ///
    /// # Errors
    /// If one of them is not as a handler should be, which a test of this package excludes.
    pub fn with_built_in(mut self, dispatcher: &Dispatcher) -> Result<Self, Invalid> {
        self.built_in = Some(Arc::new(built_in(dispatcher)?));
        Ok(self)
    }

    /// The handlers that a worker announces: those of [`describe`](Self::describe), and the built-in ones.
    pub(crate) fn announced(&self) -> Vec<HandlerInfo> {
        let mut handlers = self.describe().handlers;
        if let Some(built_in) = &self.built_in
            && handlers.iter().all(|handler| handler.name != built_in.info.name)
        {
            handlers.push(built_in.info.clone());
        }
        handlers
    }

    /// Whether there is such a method now.
    pub(crate) fn has(&self, method: &MethodName) -> bool {
        self.target(method).is_some()
    }

    /// The folder, if there is one.
    pub(crate) fn folder(&self) -> Option<&ScriptFolder> {
        self.table.folder.as_ref()
    }

    /// What there is now.
    #[must_use]
    pub fn describe(&self) -> HandlersInfo {
        let table = &*self.table;
        let mut info = table.folder.as_ref().map(ScriptFolder::describe).unwrap_or_default();
        info.handlers.retain(|handler| !table.by_name.contains_key(handler.name.as_str()));
        info.handlers.extend(table.by_name.values().map(|native| native.info.clone()));
        info.handlers.sort_by(|one, other| one.name.cmp(&other.name));
        info.problems.extend(table.hidden());
        info
    }

    /// Reloads the folder whenever a file of it changes, until the last clone is dropped. Without a folder it does nothing.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn watch(&self) -> std::io::Result<()> {
        self.table.folder.as_ref().map_or(Ok(()), ScriptFolder::watch)
    }

    /// What the call of a task is for.
    ///
    /// # Errors
    /// Of kind `unknown_method`, with the name that may have been meant.
    pub(crate) fn find(&self, method: &MethodName, task: &Task) -> Result<Target, TaskError> {
        if let Some(target) = self.target(method) {
            return Ok(target);
        }
        let message = format!("worker `{}` has no method `{method}`{}", task.worker_id, self.hint(method));
        Err(TaskError::new(TaskErrorKind::UnknownMethod, message))
    }

    fn target(&self, method: &MethodName) -> Option<Target> {
        if let Some(native) = self.table.by_method.get(method) {
            return Some(Target::Native(Arc::clone(native)));
        }
        let handler = method.as_str().rsplit_once('.').map(|(handler, _)| handler);
        if handler.is_some_and(|handler| self.table.by_name.contains_key(handler)) {
            return None; // it hides a file, and what is built in
        }
        if let Some(found) = self.folder().and_then(|folder| folder.find(method)) {
            return Some(Target::Script(found));
        }
        let built_in = self.built_in.as_ref().filter(|built_in| built_in.has(method))?;
        Some(Target::Native(Arc::clone(built_in)))
    }

    /// What is around the methods of scripts, if there are layers.
    pub(crate) fn layers_of_scripts(&self) -> Option<&Arc<Layered>> {
        self.table.layers_of_scripts.as_ref()
    }

    /// What may have been meant, or why a file has no methods.
    fn hint(&self, method: &MethodName) -> String {
        /// More are not looked through, since any caller can make the lane look.
        const MAX_NAMES: usize = 1_000;
        let table = &*self.table;
        let snapshot = table.folder.as_ref().map(ScriptFolder::current).unwrap_or_default();
        let info = snapshot.info();
        let handler = method.as_str().rsplit_once('.').map(|(handler, _)| handler.replace('.', "/"));
        let broken = info.problems.iter().take(MAX_NAMES).find(|problem| {
            let file = problem.file.as_ref().and_then(|file| file.strip_suffix(".rhai"));
            !problem.is_warning && file.is_some() && file.map(|file| file.replace('.', "/")) == handler
        });
        if let Some(HandlerProblem { file: Some(file), message, line, .. }) = broken {
            let line = line.map(|line| format!(" (line {line})")).unwrap_or_default();
            return format!("; its file {file} has an error: {message}{line}");
        }
        let of_scripts = info.handlers.iter().flat_map(|handler| &handler.methods).map(|method| &method.name);
        let names = table.by_method.keys().chain(of_scripts).take(MAX_NAMES).map(MethodName::as_str);
        match nearest(method.as_str(), names) {
            Some(name) => format!("; did you mean `{name}`?"),
            None => String::new(),
        }
    }
}

impl Table {
    /// The files that a handler of the same name hides.
    fn hidden(&self) -> Vec<HandlerProblem> {
        let scripts = self.folder.as_ref().map(ScriptFolder::describe).unwrap_or_default().handlers;
        let hidden = scripts.into_iter().filter(|script| self.by_name.contains_key(script.name.as_str()));
        hidden
            .map(|script| {
                let message =
                    format!("the worker has a handler `{}` of its own; rename the file", script.name);
                HandlerProblem::new(script.file, message)
            })
            .collect()
    }
}
