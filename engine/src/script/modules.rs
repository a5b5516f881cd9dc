use std::cell::RefCell;
use std::fmt;
use std::io;
use std::mem;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use rhai::{
    AST, Dynamic, Engine, EvalAltResult, GlobalRuntimeState, Module, ModuleResolver, Position, Scope, Shared,
};
use rhai_dispatcher_core::{ScriptFileError, read_script};

use super::builtins::Answer;
use super::limit::over;
use super::{ScriptCache, ScriptRun, compile, wait};
use crate::EngineConfig;
use crate::call::BlockingPool;
use crate::memory::uncharged;

/// What the scripts of an engine can import: the modules of one folder, and the compiled forms of those that
/// were imported last.
///
/// A module's file is read at each import, so that a change of it is seen at once. Its code runs at each
/// import: what it exports may depend on the task, and nothing of one task may get to another.
#[derive(Debug)]
pub(crate) struct Modules {
    folder: Option<Arc<Path>>,
    pool: BlockingPool,
    /// By their text; each knows its name.
    cache: RefCell<ScriptCache>,
}

/// What Rhai asks for modules. It holds nothing: with the feature `sync` an engine has to be `Send`, and
/// what is compiled stays on its lane. So it asks the run that imports.
pub(crate) struct Resolver;

/// Why there is no such module.
#[derive(Debug, thiserror::Error)]
enum ImportError {
    #[error(
        "scripts can't import modules here: this worker has no folder of them \
         (`rhaid`: --import DIR; in Rust: EngineConfig::with_modules_folder)"
    )]
    NoFolder,
    #[error(
        "`{0}` is no name of a module: give the path of a file in the folder of modules, without its \
         `.rhai`, such as `prices` or `shop/prices`"
    )]
    Name(String),
    #[error("there is no module `{0}`")]
    Missing(ModuleName),
    #[error("the module `{0}` is a link that leads out of the folder of modules")]
    Outside(ModuleName),
    #[error("the module `{0}` can't be read: {1}")]
    Unreadable(ModuleName, String),
    #[error("the module has more bytes than the limit of {0}")]
    TooLong(usize),
    #[error("modules import each other in a circle: {0}")]
    Circle(String),
}

/// The name of a module: the path of its file below the folder, without its ending. Nothing in it leads
/// out of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModuleName(Arc<str>);

/// The ending of a module's file.
const ENDING: &str = ".rhai";
/// The longest name, in bytes.
const MAX_NAME: usize = 255;

impl Modules {
    pub(crate) fn new(config: &EngineConfig, cache: ScriptCache) -> Self {
        Self {
            folder: config.modules_folder.clone(),
            pool: config.blocking_pool().clone(),
            cache: RefCell::new(cache),
        }
    }

    /// The text of a module.
    fn read(&self, run: &ScriptRun, name: &ModuleName) -> Answer<Arc<str>> {
        if let Some(text) = run.call().and_then(|call| call.modules.text(&name.0)) {
            return Ok(text);
        }
        let folder = Arc::clone(self.folder.as_ref().ok_or(ImportError::NoFolder)?);
        let (of_job, max_bytes) = (name.clone(), run.config().max_script_bytes);
        // A file may be slow to come, and others want the thread.
        let reading = self.pool.run(run.priority(), move || read(&folder, of_job, max_bytes));
        Ok(wait(reading)?.map_err(|error| error.to_string())??)
    }

    /// A module of this name and text.
    fn compiled(
        &self,
        engine: &Engine,
        run: &ScriptRun,
        name: &ModuleName,
        text: &Arc<str>,
    ) -> Answer<Rc<AST>> {
        run.note_source(text);
        let cached = self.cache.borrow_mut().get(text);
        // Another one may have the same text; then they take turns.
        if let Some(ast) = cached.filter(|ast| ast.source() == Some(&name.0)) {
            return Ok(ast);
        }
        let mut ast = compile(engine, text, true).map_err(|error| match run.made_to_end() {
            // Not the module's error: the script was stopped while this was parsed.
            Some(_) => EvalAltResult::ErrorTerminated(Dynamic::UNIT, error.position()).into(),
            None => Box::<EvalAltResult>::from(error),
        })?;
        ast.set_source(&*name.0);
        let ast = Rc::new(ast);
        self.cache.borrow_mut().insert(text, &ast);
        Ok(ast)
    }
}

/// Reads the file of a module.
fn read(folder: &Path, name: ModuleName, max_bytes: usize) -> Result<Arc<str>, ImportError> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ImportError::Missing(name.clone()),
        // Its own text may tell of the machine's folders.
        kind => ImportError::Unreadable(name.clone(), kind.to_string()),
    };
    let folder = folder.canonicalize().map_err(unreadable)?;
    let path = folder.join(format!("{name}{ENDING}")).canonicalize().map_err(unreadable)?;
    if !path.starts_with(&folder) {
        return Err(ImportError::Outside(name));
    }
    read_script(&path, max_bytes).map_err(|error| match error {
        ScriptFileError::Unreadable(error) if error.kind() == io::ErrorKind::IsADirectory => {
            ImportError::Unreadable(name.clone(), "it is no file".to_owned())
        }
        ScriptFileError::Unreadable(error) => unreadable(error),
        ScriptFileError::TooLong(max_bytes) => ImportError::TooLong(max_bytes),
        error => ImportError::Unreadable(name.clone(), error.to_string()),
    })
}

impl ModuleResolver for Resolver {
    fn resolve(&self, engine: &Engine, _: Option<&str>, path: &str, at: Position) -> Answer<Shared<Module>> {
        self.resolve_raw(engine, &mut engine.new_global_runtime_state(), &mut Scope::new(), path, at)
    }

    fn resolve_raw(
        &self,
        engine: &Engine,
        global: &mut GlobalRuntimeState,
        _: &mut Scope<'_>,
        path: &str,
        at: Position,
    ) -> Answer<Shared<Module>> {
        import(engine, global, path, at).map_err(|mut error| {
            // Not in the module: it is the script that is shown to whoever sent it.
            error.set_position(at);
            error
        })
    }
}

fn import(
    engine: &Engine,
    global: &mut GlobalRuntimeState,
    path: &str,
    at: Position,
) -> Answer<Shared<Module>> {
    let run = ScriptRun::current().ok_or(ImportError::NoFolder)?;
    let lane = run.engine().ok_or(ImportError::NoFolder)?;
    let modules = &lane.modules;
    let name = ModuleName::parse(path)?;
    let _importing = Importing::enter(&run, &name)?;
    // They are the lane's, and bounded by the lengths of modules.
    let text = uncharged(|| modules.read(&run, &name))?;
    // Where the import stands is not where the module's constants are: only those of the outermost level are global.
    let level = mem::take(&mut global.scope_level);
    let module = uncharged(|| modules.compiled(engine, &run, &name, &text))
        .and_then(|ast| Module::eval_ast_as_new_raw(engine, &mut Scope::new(), global, &ast));
    global.scope_level = level;
    module.map(Shared::new).map_err(|error| {
        // A `try` round the import catches no more than one in the module would, save its syntax.
        let is_its_own = error.is_catchable() || matches!(*error, EvalAltResult::ErrorParsing(..));
        match is_its_own {
            true => EvalAltResult::ErrorInModule(name.to_string(), error, at).into(),
            false => error,
        }
    })
}

/// While it lives, a module's own code runs.
struct Importing<'a>(&'a ScriptRun);

impl<'a> Importing<'a> {
    fn enter(run: &'a ScriptRun, name: &ModuleName) -> Result<Self, ImportError> {
        let mut importing = run.importing().borrow_mut();
        if importing.contains(name) {
            let names: Vec<_> = importing.iter().chain([name]).map(ToString::to_string).collect();
            return Err(ImportError::Circle(names.join(", ")));
        }
        importing.push(name.clone());
        Ok(Self(run))
    }
}

impl Drop for Importing<'_> {
    fn drop(&mut self) {
        self.0.importing().borrow_mut().pop();
    }
}

impl ModuleName {
    fn parse(path: &str) -> Result<Self, ImportError> {
        let name = path.strip_suffix(ENDING).unwrap_or(path);
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(is_plain);
        match name.len() <= MAX_NAME && name.split('/').all(is_part) {
            true => Ok(Self(name.into())),
            false => Err(ImportError::Name(path.chars().take(MAX_NAME).collect())),
        }
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ImportError> for Box<EvalAltResult> {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::TooLong(limit) => over("the module has too many bytes", "max_script_bytes", limit),
            error => error.to_string().into(),
        }
    }
}
