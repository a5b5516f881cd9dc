use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use rhai_dispatcher_core::{
    HandlerInfo, HandlerType, Json, MethodForm, MethodInfo, MethodName, ParameterInfo,
};
use rhai_dispatcher_engine::{FunctionCall, ImportOutline, ModuleTexts};

use super::FolderConfig;
use super::scan::{ENDING, problem};
use super::script_file::GoodVersion;
use super::versions::Versions;
use crate::built_in;
use crate::info::{HandlerProblem, HandlersInfo};

/// The methods and modules of a folder at one time. A call keeps the one that it began with.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// Each with its script and the name of the function.
    methods: HashMap<MethodName, (Arc<GoodVersion>, Arc<str>)>,
    /// The texts of all files, by the names that scripts import them by.
    texts: HashMap<Arc<str>, Arc<str>>,
    info: HandlersInfo,
}

/// A method of a snapshot.
#[derive(Debug)]
pub(crate) struct Found {
    snapshot: Arc<Snapshot>,
    script: Arc<str>,
    function: Arc<str>,
}

/// How many methods there is room for.
struct Room {
    methods: usize,
    is_over: bool,
}

impl Snapshot {
    /// `modules`: the folder of the other modules that scripts can import.
    pub(super) fn of(versions: &Versions, config: &FolderConfig, modules: Option<&Path>) -> Self {
        let mut snapshot = Self::default();
        snapshot.info.problems.extend_from_slice(versions.problems());
        // The files of the handlers that are taken, by name.
        let mut taken: BTreeMap<String, &str> = BTreeMap::new();
        let mut room = Room { methods: config.max_methods, is_over: false };
        for (module, file) in versions.files() {
            if let Some(text) = file.text() {
                snapshot.texts.insert(Arc::clone(module), Arc::clone(text));
            }
            snapshot.info.problems.extend(file.problem.clone());
            let imports = file.good.iter().flat_map(|good| &good.outline.imports);
            let missing = imports.filter(|import| {
                let is_here = versions.files().contains_key(import.module.as_str());
                !is_here && !modules.is_some_and(|folder| is_module(folder, &import.module))
            });
            snapshot.info.problems.extend(missing.map(|import| missing_module(module, import, modules)));
            if &**module == built_in::NAME {
                snapshot.warn(module, &format!(
                    "it comes before the handler `{module}` of every worker, by whose methods programs read which handlers \
                     there are; rename it"
                ));
            }
            let Some(handler) = handler_name(module) else { continue };
            if MethodName::try_from(handler.as_str()).is_err() {
                snapshot.refuse(
                    module,
                    "its name is not one of a handler: A-Z a-z 0-9 _ - and ., 128 at most; rename it",
                );
                continue;
            }
            match taken.entry(handler) {
                Entry::Occupied(first) => {
                    let first = format!(
                        "`{}.…` are the methods of {}{ENDING} too; rename one",
                        first.key(),
                        first.get()
                    );
                    snapshot.refuse(module, &first);
                }
                Entry::Vacant(free) => {
                    if let Some(good) = &file.good {
                        let handler = free.key().clone();
                        free.insert(module);
                        snapshot.add(module, &handler, good, &mut room);
                    }
                }
            }
        }
        if room.is_over {
            let max = config.max_methods;
            let message =
                format!("it has more than {max} methods, which is max_methods; the last ones are left out");
            snapshot.info.problems.push(problem(None, message));
        }
        snapshot.info.handlers.sort_by(|one, other| one.name.cmp(&other.name));
        snapshot.info.problems.sort_by(|one, other| one.file.cmp(&other.file));
        snapshot
    }

    pub(crate) const fn info(&self) -> &HandlersInfo {
        &self.info
    }

    pub(super) fn find(self: &Arc<Self>, method: &MethodName) -> Option<Found> {
        let (version, function) = self.methods.get(method)?;
        Some(Found {
            snapshot: Arc::clone(self),
            script: Arc::clone(&version.text),
            function: Arc::clone(function),
        })
    }

    fn warn(&mut self, module: &str, message: &str) {
        let mut warning = problem(Some(module), message.to_owned());
        warning.is_warning = true;
        self.info.problems.push(warning);
    }

    fn refuse(&mut self, module: &str, message: &str) {
        self.info.problems.push(problem(Some(module), message.to_owned()));
    }

    /// Adds the handler of a file.
    fn add(&mut self, module: &str, handler: &str, good: &Arc<GoodVersion>, room: &mut Room) {
        let mut methods: BTreeMap<MethodName, MethodInfo> = BTreeMap::new();
        for function in &good.outline.functions {
            let Ok(name) = MethodName::try_from(format!("{handler}.{}", function.name)) else {
                let name: String = function.name.chars().take(64).collect();
                self.refuse(
                    module,
                    &format!(
                        "the function `{name}` has a name that is too long for a method: {handler}.{name}…"
                    ),
                );
                continue;
            };
            let parameters = function.parameters.iter().map(|name| ParameterInfo::new(name, true, None));
            let form = MethodForm::new(parameters.collect(), Some(function.line));
            let description = &function.description;
            match methods.entry(name) {
                Entry::Occupied(mut other) => {
                    let method = other.get_mut();
                    method.forms.push(form);
                    if !description.is_empty() {
                        let gap = if method.description.is_empty() { "" } else { "\n\n" };
                        method.description.push_str(gap);
                        method.description.push_str(description);
                    }
                }
                Entry::Vacant(_) if room.methods == 0 => room.is_over = true,
                Entry::Vacant(free) => {
                    room.methods -= 1;
                    let name = free.key().clone();
                    self.methods.insert(name.clone(), (Arc::clone(good), function.name.as_str().into()));
                    free.insert(MethodInfo::new(name, vec![form])).description.clone_from(description);
                }
            }
        }
        let mut info = HandlerInfo::new(handler, HandlerType::Script);
        info.description.clone_from(&good.outline.description);
        info.methods = methods.into_values().collect();
        info.file = Some(format!("{module}{ENDING}"));
        self.info.handlers.push(info);
    }
}

/// The handler of a file; `None` if its name, or that of a folder around it, begins with `_`: it is a module only.
fn handler_name(module: &str) -> Option<String> {
    let is_private = module.split('/').any(|part| part.starts_with('_'));
    (!is_private).then(|| module.replace('/', "."))
}

impl ModuleTexts for Snapshot {
    fn text(&self, module: &str) -> Option<Arc<str>> {
        self.texts.get(module).cloned()
    }
}

/// Whether a folder of modules has one of that name. Whether it can be imported shows when it is.
fn is_module(folder: &Path, module: &str) -> bool {
    folder.join(format!("{module}{ENDING}")).is_file()
}

/// An import that fails whenever it runs.
fn missing_module(file: &str, import: &ImportOutline, modules: Option<&Path>) -> HandlerProblem {
    let name: String = import.module.chars().take(64).collect();
    let message = match modules {
        Some(_) => format!("the module `{name}` is neither in this folder nor in that of --import"),
        None => format!(
            "the module `{name}` is not in this folder; if it is in another one, name that with --import DIR"
        ),
    };
    let mut missing = problem(Some(file), message);
    (missing.line, missing.column) = (import.line, import.column);
    missing
}

impl Found {
    /// The call of its function.
    pub(crate) fn into_call(self, params: Json) -> FunctionCall {
        FunctionCall { script: self.script, function: self.function, params, modules: self.snapshot }
    }
}
