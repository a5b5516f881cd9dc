use rhai::{AST, ASTNode, Expr, FnAccess, Stmt};

use super::doc_comments::DocComments;
use super::place::place;

/// The functions that a script defines for others, and what it says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScriptOutline {
    /// The lines of `//!` at its beginning, without these marks; empty if there are none.
    pub description: String,
    /// Its functions in the order of the text, without those that are private, those of a type (`fn int.double()`), and
    /// closures. Several may have one name, if they differ in the number of their parameters.
    pub functions: Vec<FunctionOutline>,
    /// Its imports of modules whose names are in the text, in the order of the text.
    pub imports: Vec<ImportOutline>,
}

/// An import of a module by a name in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportOutline {
    /// The name, without the ending of a file.
    pub module: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The column in that line, from 1, in characters.
    pub column: Option<u32>,
}

/// A function of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FunctionOutline {
    /// Its name.
    pub name: String,
    /// The names of its parameters, in order.
    pub parameters: Vec<String>,
    /// The lines of `///` before it, without these marks; empty if there are none.
    pub description: String,
    /// The line of its body's beginning, from 1.
    pub line: u32,
}

impl ScriptOutline {
    pub(crate) fn of(source: &str, ast: &AST) -> Self {
        let comments = DocComments::of(source);
        let is_called = |name: &str| name.starts_with(|c: char| c.is_alphabetic() || c == '_');
        let mut functions: Vec<_> = ast
            .iter_fn_def()
            .filter(|function| function.access == FnAccess::Public && function.this_type.is_none())
            .filter(|function| is_called(&function.name) && !function.name.starts_with("anon$"))
            .map(|function| {
                let at = function.body.start_position();
                let line = at.line().unwrap_or_default();
                let name = function.name.to_string();
                let outline = FunctionOutline {
                    description: comments.of_function(&name, line),
                    parameters: function.params.iter().map(ToString::to_string).collect(),
                    line: u32::try_from(line).unwrap_or(u32::MAX),
                    name,
                };
                ((line, at.position()), outline)
            })
            .collect();
        functions.sort_by_key(|(at, _)| *at);
        let functions = functions.into_iter().map(|(_, function)| function).collect();
        Self { description: comments.of_script(), functions, imports: imports(ast) }
    }
}

fn imports(ast: &AST) -> Vec<ImportOutline> {
    let mut imports = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Stmt(Stmt::Import(import, _))) = path.last()
            && let (Expr::StringConstant(name, at), _) = &**import
        {
            let module = name.strip_suffix(".rhai").unwrap_or(name).to_owned();
            imports.push(ImportOutline { module, line: place(at.line()), column: place(at.position()) });
        }
        true
    });
    imports.sort_by_key(|import| (import.line, import.column));
    imports
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(source: &str) -> ScriptOutline {
        ScriptOutline::of(source, &rhai::Engine::new().compile(source).expect("it parses"))
    }

    #[test]
    fn public_functions_are_in_it_with_their_comments() {
        let outline = outline(
            "//! Payments.\n//!\n//! All amounts are in cents.\nconst FEE = 3;\n\n/// Charges a card.\n///\n///   Twice.\n\
             fn charge(\n    cents, // how many\n    card\n) {\n    let f = |x| x;\n    f.call(cents)\n}\n\
             // No doc.\nfn refund() { }\n/// Hidden.\nprivate fn fee() { FEE }\n/// Of a type.\nfn int.double() { }\n\
             /// Two.\nfn refund(cents) { }",
        );
        assert_eq!(outline.description, "Payments.\n\nAll amounts are in cents.");
        let functions: Vec<_> = outline
            .functions
            .iter()
            .map(|f| (f.name.as_str(), f.parameters.join(","), f.description.as_str(), f.line))
            .collect();
        let expected = [
            ("charge", "cents,card".to_owned(), "Charges a card.\n\n  Twice.", 12),
            ("refund", String::new(), "", 17),
            ("refund", "cents".to_owned(), "Two.", 23),
        ];
        assert_eq!(functions, expected);
    }

    #[test]
    fn imports_by_name_are_in_it() {
        let outline = outline(
            "import \"_lib/money\" as money;\nlet name = \"b\";\nimport name as b;\nfn f() { import \"c.rhai\" as c; c::f() }",
        );
        let found: Vec<_> =
            outline.imports.iter().map(|import| (&*import.module, import.line, import.column)).collect();
        assert_eq!(found, [("_lib/money", Some(1), Some(8)), ("c", Some(4), Some(17))]);
    }

    #[test]
    fn comments_of_other_texts_are_not_taken() {
        let outline = outline(
            "let text = `\n/// Not a comment of f.\n`; fn f() { 1 }\n/// Of g.\n\nfn g() { 2 } fn h() { 3 }",
        );
        let found: Vec<_> = outline.functions.iter().map(|f| (&*f.name, &*f.description)).collect();
        assert_eq!(found, [("f", ""), ("g", "Of g."), ("h", "")]);
    }
}
