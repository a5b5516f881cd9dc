use std::rc::Rc;
use std::sync::Arc;

use rhai::{AST, OptimizationLevel, ParseError, Scope};

use super::parse_guard::ParseGuard;
use super::range_guard::guard_ranges;
use crate::script::run::LaneEngine;

/// The longest script that is optimised, in bytes: that can't be done in slices, and takes a millisecond for so
/// much text.
const MAX_OPTIMISED: usize = 16 * 1024;

/// The compiled form of a script, which the engine keeps.
pub(crate) fn compile_script(engine: &LaneEngine, source: &Arc<str>) -> Result<Rc<AST>, ParseError> {
    if let Some(ast) = engine.scripts.borrow_mut().get(source) {
        return Ok(ast);
    }
    let ast = Rc::new(compile(&engine.rhai, source, false)?);
    engine.scripts.borrow_mut().insert(source, &ast);
    Ok(ast)
}

/// Compiles a script, or a module.
pub(crate) fn compile(engine: &rhai::Engine, source: &str, is_module: bool) -> Result<AST, ParseError> {
    let ast = ParseGuard::parse(engine, source)?;
    let ast = match source.len() {
        ..=MAX_OPTIMISED => engine.optimize_ast(&Scope::new(), ast, OptimizationLevel::Simple),
        _ => ast,
    };
    // Functions of a module can be called with ranges.
    Ok(guard_ranges(ast, is_module))
}
