use rhai::{AST, ASTNode, EvalAltResult, Expr, Module, Position, Shared, Stmt};

/// The message about a value that is used while a function that it was called on still runs. Rhai calls that a data
/// race, though a script has one thread.
pub(super) fn in_use(what: &str) -> String {
    let way_out = "put what the closure needs into a variable of its own first, such as `let n = a.len();` or \
                   `let copy = a;`, and use that in the closure";
    match function_of(what) {
        Some(function) => format!(
            "`{function}` can't run: its closure uses the value that `{function}` is called on, or another one that is in \
             use; {way_out}"
        ),
        None => format!(
            "a value is in use by a function that was called on it, or whose argument it is; {way_out}; a function that an \
             object map has uses `this`"
        ),
    }
}

/// Where the function was called that found a value in use: Rhai does not tell. `None` if that is not sure.
///
/// In the function that the error comes from, it is the first call of that name that has a closure which captures the
/// variable that it is called on; else the only one of that name.
pub(crate) fn place_in_use(mut error: &EvalAltResult, ast: &AST) -> Option<Position> {
    let mut within = None;
    while let EvalAltResult::ErrorInFunctionCall(name, source, inner, _) = error {
        // Only modules have a source; they are other files.
        if !source.is_empty() {
            return None;
        }
        within = Some(name.as_str());
        error = inner;
    }
    let EvalAltResult::ErrorDataRace(what, _) = error else { return None };
    let mut calls = Calls { function: function_of(what)?, sure: None, all: Vec::new() };
    match within {
        None => {
            let mut path = Vec::new();
            for statement in ast.statements() {
                statement.walk(&mut path, &mut |path| calls.note(path));
            }
        }
        Some(name) => {
            let mut only = Module::new();
            for function in ast.iter_fn_def().filter(|function| function.name == name) {
                only.set_script_fn(Shared::clone(function));
            }
            AST::new([], only).walk(&mut |path| calls.note(path));
        }
    }
    match calls {
        Calls { sure: Some(position), .. } => Some(position),
        Calls { all, .. } => (all.len() == 1).then(|| all[0]),
    }
}

/// The function that Rhai's words name, such as `argument #1 of function 'map'`.
fn function_of(what: &str) -> Option<&str> {
    what.split('\'').nth(1)
}

/// The calls of a function by its name.
struct Calls<'a> {
    function: &'a str,
    /// The first one with a closure that captures the variable that it is called on.
    sure: Option<Position>,
    all: Vec<Position>,
}

impl Calls<'_> {
    fn note(&mut self, path: &[ASTNode<'_>]) -> bool {
        match path.last() {
            Some(ASTNode::Expr(Expr::Dot(link, ..) | Expr::Index(link, ..))) => {
                if let Expr::Variable(variable, ..) = &link.lhs {
                    self.note_chain(&variable.1, &link.rhs);
                }
            }
            Some(
                ASTNode::Expr(Expr::FnCall(call, position)) | ASTNode::Stmt(Stmt::FnCall(call, position)),
            ) => {
                if let Some(Expr::Variable(variable, ..)) = call.args.first() {
                    self.note_call(&variable.1, &call.name, &call.args[1..], *position);
                }
            }
            _ => {}
        }
        true
    }

    /// `.a.b[0].map(…)`, of a variable.
    fn note_chain(&mut self, variable: &str, mut link: &Expr) {
        loop {
            let (part, next) = match link {
                Expr::Dot(link, ..) | Expr::Index(link, ..) => (&link.lhs, Some(&link.rhs)),
                last => (last, None),
            };
            if let Expr::MethodCall(call, position) = part {
                self.note_call(variable, &call.name, &call.args, *position);
            }
            match next {
                Some(next) => link = next,
                None => return,
            }
        }
    }

    fn note_call(&mut self, variable: &str, name: &str, arguments: &[Expr], position: Position) {
        if name != self.function {
            return;
        }
        self.all.push(position);
        if self.sure.is_none() && arguments.iter().any(|argument| captures(argument, variable)) {
            self.sure = Some(position);
        }
    }
}

/// Whether it is a closure that captures that variable.
fn captures(argument: &Expr, variable: &str) -> bool {
    let Expr::Stmt(block) = argument else { return false };
    block.iter().any(|statement| match statement {
        Stmt::Share(captured) => captured.iter().any(|(name, _)| name.name == variable),
        _ => false,
    })
}
