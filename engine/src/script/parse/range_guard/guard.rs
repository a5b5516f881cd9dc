use std::mem;

use rhai::{AST, Module, Shared};

use super::find::Found;
use super::rewrite::{guard_function, guard_statements};

/// Guards the assignments of a compiled form that may be to a range.
///
/// `ranges`: whether an index may be a range in any case, since the form gets values from elsewhere.
pub(crate) fn guard_ranges(ast: AST, ranges: bool) -> AST {
    let mut found = Found { ranges, assignments: false };
    let mut path = Vec::new();
    for statement in ast.statements() {
        statement.walk(&mut path, &mut |path| found.note(path));
    }
    let in_statements = mem::take(&mut found.assignments);
    let mut functions = Vec::new();
    for function in ast.iter_fn_def() {
        let mut only = Module::new();
        only.set_script_fn(Shared::clone(function));
        let only = AST::new([], only);
        only.walk(&mut |path| found.note(path));
        functions.push((function, only, mem::take(&mut found.assignments)));
    }
    if !found.ranges || !(in_statements || functions.iter().any(|(.., assigns)| *assigns)) {
        return ast;
    }
    let mut statements = ast.statements().to_vec();
    if in_statements {
        guard_statements(&mut statements);
    }
    let mut module = Module::new();
    for (function, only, assigns) in &functions {
        let function = Shared::clone(function);
        module.set_script_fn(if *assigns { guard_function(function, only) } else { function });
    }
    AST::new(statements, module)
}
