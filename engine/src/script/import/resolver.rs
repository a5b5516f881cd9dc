use std::mem;
use std::rc::Rc;
use std::sync::Arc;

use rhai::{
    AST, Dynamic, Engine, EvalAltResult, GlobalRuntimeState, Module, ModuleResolver, Position, Scope, Shared,
};

use super::import_error::ImportError;
use super::module_file::read_module;
use crate::memory::uncharged;
use crate::script::error::NativeResult;
use crate::script::parse::compile;
use crate::script::run::{LaneEngine, ModuleName, ScriptRun, wait};

/// What Rhai asks for modules: those of the folder that the configuration names. It holds nothing: with the feature
/// `sync` an engine has to be `Send`, and what is compiled stays on its lane. So it asks the run that imports.
///
/// A module's file is read at each import, so that a change of it is seen at once. Its code runs at each
/// import: what it exports may depend on the task, and nothing of one task may get to another.
pub(crate) struct Resolver;

impl ModuleResolver for Resolver {
    fn resolve(
        &self,
        engine: &Engine,
        _: Option<&str>,
        path: &str,
        at: Position,
    ) -> NativeResult<Shared<Module>> {
        self.resolve_raw(engine, &mut engine.new_global_runtime_state(), &mut Scope::new(), path, at)
    }

    fn resolve_raw(
        &self,
        engine: &Engine,
        global: &mut GlobalRuntimeState,
        _: &mut Scope<'_>,
        path: &str,
        at: Position,
    ) -> NativeResult<Shared<Module>> {
        import(engine, global, path, at).map_err(|mut error| {
            // Not in the module: its caller is shown the script.
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
) -> NativeResult<Shared<Module>> {
    let run = ScriptRun::current().ok_or(ImportError::NoFolder)?;
    let lane = run.engine().ok_or(ImportError::NoFolder)?;
    let name = ModuleName::parse(path).ok_or_else(|| ImportError::name(path))?;
    let _importing = Importing::enter(&run, &name)?;
    // They are the lane's, and bounded by the lengths of modules.
    let text = uncharged(|| read(&run, &name))?;
    // Where the import stands is not where the module's constants are: only those of the outermost level are global.
    let level = mem::take(&mut global.scope_level);
    let module = uncharged(|| compiled(engine, &lane, &run, &name, &text))
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

/// The text of a module.
fn read(run: &ScriptRun, name: &ModuleName) -> NativeResult<Arc<str>> {
    if let Some(text) = run.call().and_then(|call| call.modules.text(name.as_str())) {
        return Ok(text);
    }
    let config = run.config();
    let folder = config.modules_folder.as_ref().ok_or_else(|| match run.call() {
        Some(_) => ImportError::NotBesideHandlers(name.clone()),
        None => ImportError::NoFolder,
    })?;
    let folder = Arc::clone(folder);
    let (of_job, max_bytes) = (name.clone(), config.limits.max_script_bytes);
    // A file may be slow to come, and other scripts want the thread.
    let pool = config.blocking_pool();
    let reading = pool.run(run.priority(), move || read_module(&folder, of_job, max_bytes));
    Ok(wait(reading)?.map_err(|error| error.to_string())??)
}

/// A module of this name and text.
fn compiled(
    engine: &Engine,
    lane: &LaneEngine,
    run: &ScriptRun,
    name: &ModuleName,
    text: &Arc<str>,
) -> NativeResult<Rc<AST>> {
    run.note_source(text);
    let cached = lane.modules.borrow_mut().get(text);
    // Two modules may have the same text; then each import compiles.
    if let Some(ast) = cached.filter(|ast| ast.source() == Some(name.as_str())) {
        return Ok(ast);
    }
    let mut ast = compile(engine, text, true).map_err(|error| match run.made_to_end() {
        // Not the module's error: the script was stopped while this was parsed.
        Some(_) => EvalAltResult::ErrorTerminated(Dynamic::UNIT, error.position()).into(),
        None => Box::<EvalAltResult>::from(error),
    })?;
    ast.set_source(name.as_str());
    let ast = Rc::new(ast);
    lane.modules.borrow_mut().insert(text, &ast);
    Ok(ast)
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
