use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, ASTNode, Engine, Expr, FnCallExpr, Stmt};

use super::place::place;
use crate::nearest;
use crate::script::{CURRY, function_arities};

/// A call by name, in a script, of a function that neither the engine nor the script has. It is an error when it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownCall {
    /// What is wrong, in words, with the function that may have been meant.
    pub message: String,
    /// The line of the call, from 1.
    pub line: Option<u32>,
    /// The column in that line, from 1, in characters.
    pub column: Option<u32>,
}

/// What Rhai calls by name without a function of that name.
const OF_THE_LANGUAGE: [&str; 8] =
    ["Fn", "call", "curry", CURRY, "type_of", "is_shared", "is_def_var", "is_def_fn"];

impl UnknownCall {
    /// Those of a script. Methods of values (`x.f()`) are left out, since a map may have a closure of that name, and so are
    /// functions of imported modules (`m::f()`).
    pub(crate) fn all_of(ast: &AST, engine: &Engine) -> Vec<Self> {
        let mut known: BTreeMap<String, BTreeSet<usize>> = function_arities(engine);
        for function in ast.iter_functions() {
            known.entry(function.name.to_owned()).or_default().insert(function.params.len());
        }
        let mut found = BTreeMap::new();
        ast.walk(&mut |path: &[ASTNode<'_>]| {
            let call = match path.last() {
                Some(ASTNode::Expr(Expr::FnCall(call, at)) | ASTNode::Stmt(Stmt::FnCall(call, at))) => {
                    Some((call, *at))
                }
                _ => None,
            };
            if let Some((call, at)) = call
                && let Some(message) = problem(call, &known)
            {
                found.insert((at.line(), at.position()), message);
            }
            true
        });
        let call = |((line, column), message)| Self { message, line: place(line), column: place(column) };
        found.into_iter().map(call).collect()
    }
}

fn problem(call: &FnCallExpr, known: &BTreeMap<String, BTreeSet<usize>>) -> Option<String> {
    let name = call.name.as_str();
    let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if call.op_token.is_some() || !call.namespace.is_empty() || !is_name || OF_THE_LANGUAGE.contains(&name) {
        return None;
    }
    let count = call.args.len();
    let Some(arities) = known.get(name) else {
        let meant = nearest(name, known.keys().map(String::as_str));
        let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        return Some(format!("no function is named `{name}`{meant}"));
    };
    if arities.contains(&count) {
        return None;
    }
    let arities: Vec<_> = arities.iter().map(usize::to_string).collect();
    Some(format!("`{name}` takes {} arguments, and this call has {count}", arities.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(source: &str) -> Vec<String> {
        let engine = Engine::new();
        let calls = UnknownCall::all_of(&engine.compile(source).expect("it parses"), &engine);
        let shown = |call: UnknownCall| {
            format!("{}:{} {}", call.line.unwrap_or(0), call.column.unwrap_or(0), call.message)
        };
        calls.into_iter().map(shown).collect()
    }

    #[test]
    fn calls_by_name_are_found_wherever_they_are() {
        let found = unknown(
            "fn add(a, b) { a + quux(b) }\nlet f = |x| addd(x, 1);\nif add(1) > 2 { prnt(`${frobnicate()}`) }\n",
        );
        assert_eq!(
            found,
            [
                "1:20 no function is named `quux`",
                "2:13 no function is named `addd`; did you mean `add`?",
                "3:4 `add` takes 2 arguments, and this call has 1",
                "3:17 no function is named `prnt`; did you mean `print`?",
                "3:25 no function is named `frobnicate`",
            ]
        );
    }

    #[test]
    fn what_may_be_there_is_not_found() {
        let good = "import \"m\" as m;\nfn twice(x) { x * 2 }\nlet map = #{ run: |x| x };\nlet f = Fn(\"twice\");\n\
                    m::any(1); map.run(1); f.call(1); call(f, 1); curry(f, 1); type_of(f); is_def_fn(\"x\", 1);\n\
                    is_def_var(\"y\"); 1.twice(); print(-1 + 2); twice(1); [1].map(|x| x); debug(max(1, 2))";
        assert_eq!(unknown(good), [""; 0]);
    }
}
