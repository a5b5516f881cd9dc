//! Bounds assignments to a range of a string, `s[0..2] = value`, in a compiled form.
//!
//! Rhai writes the value out by itself then, without a limit or a step between, and does not look at the size of the
//! string afterwards. It has no hook for that. So the value of each assignment to an index that may be a range becomes
//! [`VALUE`], which looks at the value first. An index that has side effects becomes [`INDEX`], which accepts no range.

mod find;
mod rewrite;
mod run;

use std::mem;

use rhai::{AST, Dynamic, EvalAltResult, Expr, Module, Position, Shared, Stmt, StmtBlock};

use find::Found;
use rewrite::{guard_function, guard_statements};
pub(super) use run::register;

/// Guards the assignments of a compiled form that may be to a range.
///
/// `ranges`: whether an index may be a range in any case, since the form gets values from elsewhere.
pub(super) fn guard_ranges(ast: AST, ranges: bool) -> AST {
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
// No text of a script has tokens like these.
const VALUE: &str = "value for a range";
const INDEX: &str = "index with side effects";
const BODY: &str = "body of a function";

/// The body of a function, an [`Expr::Stmt`].
#[derive(Clone)]
struct Body(Shared<Expr>);

fn block(statements: Vec<Stmt>) -> Shared<Expr> {
    let block = StmtBlock::new(statements, Position::NONE, Position::NONE);
    Shared::new(Expr::Stmt(Box::new(block)))
}

type Answer = Result<Dynamic, Box<EvalAltResult>>;
