use super::context::Open;
use super::name_scope::{NameScope, Undeclared};

/// What is open around a token, and the names that are known there.
pub(super) struct Nesting {
    /// What is open, innermost last.
    open: Vec<Open>,
    scope: NameScope,
    /// Names of `let` and `const` whose statement has not ended.
    lets: Vec<Let>,
}

struct Let {
    name: u64,
    /// How much was open.
    open: usize,
    exported: bool,
}

impl Nesting {
    pub(super) fn new() -> Self {
        Self { open: Vec::new(), scope: NameScope::new(), lets: Vec::new() }
    }

    pub(super) fn innermost(&self) -> Option<&Open> {
        self.open.last()
    }

    pub(super) fn innermost_mut(&mut self) -> Option<&mut Open> {
        self.open.last_mut()
    }

    /// The number of variables that exist at one time.
    pub(super) fn variables(&self) -> usize {
        self.scope.variables()
    }

    pub(super) fn open(&mut self, open: Open) {
        self.open.push(open);
    }

    pub(super) fn open_brace(&mut self) {
        self.open.push(Open::Brace { declared: self.scope.len() });
    }

    pub(super) fn begin_function(&mut self, open: Open, is_closure: bool) {
        self.open.push(open);
        self.scope.begin_function(is_closure);
    }

    /// The parameters of a closure end, and its body begins.
    pub(super) fn end_pipes(&mut self) {
        self.open.pop();
        self.open.push(Open::Closure { braced: false });
    }

    /// Closes what `is_it` is, and what is open in it; with a brace, also the function whose body it ends.
    pub(super) fn close(&mut self, is_it: impl Fn(&Open) -> bool, is_brace: bool) {
        if !self.open.iter().rev().any(&is_it) {
            return; // Rhai refuses it
        }
        while let Some(open) = self.open.pop() {
            match open {
                Open::Brace { declared } => self.scope.forget_from(declared),
                Open::Closure { .. } | Open::Function | Open::Pipes { .. } => self.scope.end_function(),
                _ => {}
            }
            if is_it(&open) {
                break;
            }
        }
        if is_brace && matches!(self.open.last(), Some(Open::Closure { braced: true } | Open::Function)) {
            self.open.pop();
            self.scope.end_function();
        }
        let open = self.open.len();
        self.lets.retain(|defined| defined.open <= open);
    }

    /// After `;`, or `,`: closures that are expressions end, and what `let` defines is there.
    pub(super) fn end_statement(&mut self) {
        while matches!(self.open.last(), Some(Open::Closure { .. })) {
            self.open.pop();
            self.scope.end_function();
        }
        let open = self.open.len();
        while let Some(defined) = self.lets.pop_if(|defined| defined.open >= open) {
            if defined.open == open {
                self.declare(defined.name, defined.exported);
            }
        }
    }

    /// Notes the use of a variable.
    pub(super) fn use_name(&mut self, name: u64) -> Undeclared {
        self.scope.use_name(name)
    }

    /// Declares a name in the block around the token; twice, if `always`.
    pub(super) fn declare(&mut self, name: u64, always: bool) {
        let block = self.open.iter().rev().find_map(|open| match open {
            Open::Brace { declared } => Some(*declared),
            _ => None,
        });
        self.scope.declare(name, block.unwrap_or(0), always);
    }

    /// Declares a name when its statement ends. `outlives`: it outlives the block that it is defined in.
    pub(super) fn declare_later(&mut self, name: u64, exported: bool, outlives: bool) {
        if outlives {
            self.scope.add_outliving();
        }
        self.lets.push(Let { name, open: self.open.len(), exported });
    }
}
