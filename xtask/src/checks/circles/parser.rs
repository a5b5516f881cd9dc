use super::module::{Import, Module};
use crate::source::{Token, TokenKind, tokens};

/// Reads the source of a file; none if the whole file is for tests.
pub(super) fn parse(source: &str) -> Option<Module> {
    let code: Vec<_> = tokens(source).into_iter().filter(|token| token.kind != TokenKind::Comment).collect();
    let mut parser = Parser { code: &code, at: 0 };
    let mut module = Module::default();
    let for_tests = parser.module(&mut module);
    (!for_tests).then_some(module)
}

/// Where the reading of a source stands.
struct Parser<'a> {
    code: &'a [Token<'a>],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self, ahead: usize) -> &str {
        self.code.get(self.at + ahead).map_or("", |token| token.text)
    }

    fn is_ident(&self, ahead: usize) -> bool {
        self.code.get(self.at + ahead).is_some_and(|token| token.kind == TokenKind::Ident)
    }

    fn line(&self) -> usize {
        self.code.get(self.at).map_or(0, |token| token.line)
    }

    /// Reads items up to the end, or up to the brace that closes an inline module.
    ///
    /// Returns whether an inner attribute says that all of it is for tests.
    fn module(&mut self, module: &mut Module) -> bool {
        let mut all_for_tests = false;
        while self.at < self.code.len() && self.peek(0) != "}" {
            let mut for_tests = false;
            while self.peek(0) == "#" {
                let inner = self.peek(1) == "!";
                let test = self.attribute();
                all_for_tests |= inner && test;
                for_tests |= !inner && test;
            }
            let mut dropped = Module::default();
            self.item(if for_tests { &mut dropped } else { module });
        }
        self.at += 1;
        all_for_tests
    }

    /// Steps over `#[…]`, and returns whether it is a `cfg` that only tests meet.
    fn attribute(&mut self) -> bool {
        while self.peek(0) != "[" && self.at < self.code.len() {
            self.at += 1;
        }
        let test = self.peek(1) == "cfg"
            && (self.peek(3) == "test" || (self.peek(3) == "all" && self.peek(5) == "test"));
        self.group(&mut Module::default());
        test
    }

    fn item(&mut self, module: &mut Module) {
        let exported = self.visibility();
        match (self.peek(0), self.peek(2)) {
            ("use", _) => self.import(exported, module),
            ("mod", ";") => {
                module.declared.push(self.peek(1).to_owned());
                self.at += 3;
            }
            ("mod", "{") => {
                let name = self.peek(1).to_owned();
                self.at += 3;
                let mut inner = Module::default();
                self.module(&mut inner);
                module.inline.insert(name, inner);
            }
            _ => self.definition(module),
        }
    }

    /// Steps over `pub` and `pub(…)`, and returns whether there was one.
    fn visibility(&mut self) -> bool {
        let public = self.peek(0) == "pub";
        if public {
            self.at += 1;
            if self.peek(0) == "(" {
                self.group(&mut Module::default());
            }
        }
        public
    }

    /// Reads an item that is neither a module nor an import, up to its semicolon or closing brace.
    fn definition(&mut self, module: &mut Module) {
        // A semicolon may be left over from an expression that ends in a brace.
        module.has_items |= self.peek(0) != ";";
        let mut named = false;
        while self.at < self.code.len() {
            match self.peek(0) {
                ";" => {
                    self.at += 1;
                    return;
                }
                "{" => return self.group(module),
                "(" | "[" => {
                    named = true;
                    self.group(module);
                }
                "impl" => {
                    named = true;
                    self.at += 1;
                }
                "struct" | "enum" | "union" | "trait" | "fn" | "type" | "const" | "static" if !named => {
                    self.at += 1;
                    while matches!(self.peek(0), "mut" | "unsafe" | "async" | "extern") {
                        self.at += 1;
                    }
                    if self.is_ident(0) && self.peek(0) != "fn" {
                        module.defined.insert(self.peek(0).to_owned());
                        named = true;
                    }
                }
                "macro_rules" => {
                    module.defined.insert(self.peek(2).to_owned());
                    named = true;
                    self.at += 3;
                }
                _ => self.code_token(module),
            }
        }
    }

    /// Reads what stands in a pair of brackets, with both of them.
    fn group(&mut self, module: &mut Module) {
        let mut depth = 0_usize;
        while self.at < self.code.len() {
            match self.peek(0) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                // The precise captures of `impl Trait + use<'a>` do not declare anything.
                "use" if self.peek(1) != "<" => {
                    self.import(false, module);
                    continue;
                }
                _ => {
                    self.code_token(module);
                    continue;
                }
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    /// Steps over one token, or over a path, which is noted if it has two segments or more.
    fn code_token(&mut self, module: &mut Module) {
        let line = self.line();
        let continued = self.at > 0 && matches!(self.code[self.at - 1].text, "." | "::");
        let mut path = Vec::new();
        while self.is_ident(0) {
            path.push(self.peek(0).to_owned());
            module.used.insert(self.peek(0).to_owned());
            self.at += 1;
            if self.peek(0) != "::" || !self.is_ident(1) {
                break;
            }
            self.at += 1;
        }
        if path.is_empty() {
            self.at += 1;
        } else if path.len() > 1 && !continued {
            module.paths.push((path, line));
        }
    }

    fn import(&mut self, exported: bool, module: &mut Module) {
        self.at += 1;
        let before = module.imports.len();
        self.import_tree(&[], module);
        module.imports[before..].iter_mut().for_each(|import| import.exported = exported);
        while self.at < self.code.len() && self.peek(0) != ";" {
            self.at += 1;
        }
        self.at += 1;
    }

    fn import_tree(&mut self, prefix: &[String], module: &mut Module) {
        let mut path = prefix.to_vec();
        loop {
            let line = self.line();
            match self.peek(0) {
                "::" => self.at += 1,
                "*" => {
                    self.at += 1;
                    return module.imports.push(Import { path, name: None, exported: false, line });
                }
                "{" => {
                    self.at += 1;
                    while self.at < self.code.len() && self.peek(0) != "}" {
                        self.import_tree(&path, module);
                        if self.peek(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                _ if self.is_ident(0) => {
                    let segment = self.peek(0).to_owned();
                    self.at += 1;
                    // `use a::{self}` is `use a`.
                    if segment != "self" || path.is_empty() {
                        path.push(segment);
                    }
                    if self.peek(0) == "as" {
                        let name = Some(self.peek(1).to_owned());
                        self.at += 2;
                        return module.imports.push(Import { path, name, exported: false, line });
                    }
                    if self.peek(0) != "::" {
                        let name = path.last().cloned();
                        return module.imports.push(Import { path, name, exported: false, line });
                    }
                }
                // Nothing that compiles gets here; a token is taken so that the loop ends.
                _ => {
                    self.at += 1;
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(source: &str) -> Module {
        parse(source).expect("not all of it is for tests")
    }

    fn import(path: &str, name: Option<&str>, line: usize) -> Import {
        Import {
            path: path.split("::").map(str::to_owned).collect(),
            name: name.map(str::to_owned),
            exported: false,
            line,
        }
    }

    #[test]
    fn trees_of_imports_are_spread() {
        let module = parsed("use a::{self, b::{C, D as E},\n f::*};\nfn g() { use crate::H; }");
        let expected = [
            import("a", Some("a"), 1),
            import("a::b::C", Some("C"), 1),
            import("a::b::D", Some("E"), 1),
            import("a::f", None, 2),
            import("crate::H", Some("H"), 3),
        ];
        assert_eq!(module.imports, expected);
    }

    #[test]
    fn code_for_tests_is_left_out() {
        let module = parsed(
            "use a::B;\n#[cfg(test)]\nuse c::D;\n#[cfg(all(test, unix))] mod tests { use super::*; }\n\
             #[cfg(test)] mod more;\n#[cfg(test)] fn f() { g::h(); }\nmod kept;",
        );
        assert_eq!(module.imports, [import("a::B", Some("B"), 1)]);
        assert_eq!(module.declared, ["kept"]);
        assert!(module.paths.is_empty() && module.inline.is_empty() && !module.has_items);
        assert!(parse("#![cfg(test)]\nuse a::B;").is_none());
    }

    #[test]
    fn definitions_are_told_from_uses() {
        let module = parsed(
            "pub(crate) const fn one() -> two::Three { four::five() }\nimpl six::Seven for Eight { const NINE: u8 = 1; }\n\
             static mut TEN: [u8; eleven::LEN] = [0; 1];\nmacro_rules! twelve { () => { $crate::thirteen() } }\n\
             enum Fourteen { A(super::fifteen::B) }\nfn f() { x.y::<z::Z>(); }",
        );
        let mut defined: Vec<_> = module.defined.iter().map(String::as_str).collect();
        defined.sort_unstable();
        assert_eq!(defined, ["Fourteen", "TEN", "f", "one", "twelve"]);
        let paths: Vec<_> = module.paths.iter().map(|(path, line)| (path.join("::"), *line)).collect();
        let expected = [
            ("two::Three", 1),
            ("four::five", 1),
            ("six::Seven", 2),
            ("eleven::LEN", 3),
            ("crate::thirteen", 4),
            ("super::fifteen::B", 5),
            ("z::Z", 6),
        ];
        assert_eq!(paths, expected.map(|(path, line)| (path.to_owned(), line)));
    }

    #[test]
    fn facade_has_modules_and_imports_only() {
        assert!(!parsed("//! Docs.\n#![deny(missing_docs)]\nmod a;\n/// B.\npub use a::B;").has_items);
        assert!(parsed("mod a;\nstruct B;").has_items);
    }
}
