use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rhai::{Token, TokenizerControl};

use super::context::{Open, Previous};
use super::nesting::Nesting;
use crate::config::{LimitName, ScriptLimits, limit_name};
use crate::script::error::exceeded;

/// What is known of one parse.
pub(super) struct Parse {
    /// Rhai's own handle of it: the same for all its tokens. Only this parse holds it once Rhai's is over.
    control: TokenizerControl,
    hasher: RandomState,
    nesting: Nesting,
    imports: usize,
    exports: usize,
    tokens: u32,
    began: Instant,
    previous: Previous,
    /// A name of which the next token tells whether it is a variable.
    name: Option<u64>,
    /// Why the script was refused.
    pub(super) refused: Option<String>,
}

/// How many tokens are parsed between two checks of the time.
const TOKENS_PER_TIME_CHECK: u32 = 256;

/// The error of a parse that took too long.
pub(super) const TOO_LONG: &str = "the script takes too long to parse";

impl Parse {
    /// The parse of that handle, moved to the front, or a new one. Parses that are over are dropped.
    pub(super) fn of<'a>(parses: &'a mut Vec<Self>, control: &TokenizerControl) -> &'a mut Self {
        match parses.iter().position(|parse| Rc::ptr_eq(&parse.control, control)) {
            Some(0) => {}
            Some(index) => parses.swap(0, index),
            None => {
                parses.retain(|parse| Rc::strong_count(&parse.control) > 1);
                parses.push(Self::new(control));
                let last = parses.len() - 1;
                parses.swap(0, last);
            }
        }
        &mut parses[0]
    }

    fn new(control: &TokenizerControl) -> Self {
        Self {
            control: Rc::clone(control),
            hasher: RandomState::new(),
            nesting: Nesting::new(),
            imports: 0,
            exports: 0,
            tokens: 0,
            began: Instant::now(),
            previous: Previous::Other,
            name: None,
            refused: None,
        }
    }

    /// Takes the next token, and refuses the script if that goes over a limit.
    pub(super) fn next(&mut self, token: &Token, limits: &ScriptLimits, max_time: Option<Duration>) {
        self.tokens = self.tokens.wrapping_add(1);
        if self.tokens.is_multiple_of(TOKENS_PER_TIME_CHECK)
            && max_time.is_some_and(|max| self.began.elapsed() > max)
        {
            self.refused = Some(TOO_LONG.to_owned());
            return;
        }
        if let Some(name) = self.name.take() {
            let is_key =
                matches!(token, Token::Colon) && matches!(self.nesting.innermost(), Some(Open::Map { .. }));
            let is_call = matches!(token, Token::LeftParen | Token::Unit | Token::Bang | Token::DoubleColon);
            if !is_key && !is_call {
                self.used(name, limits);
            }
        }
        if let Some(Open::Closure { braced }) = self.nesting.innermost_mut()
            && self.previous == Previous::Bar
        {
            *braced = matches!(token, Token::LeftBrace);
        }
        let previous = self.previous;
        self.previous = match token {
            Token::Identifier(name) => self.identifier(name, previous, limits),
            Token::IntegerConstant(_)
            | Token::FloatConstant(_)
            | Token::CharConstant(_)
            | Token::StringConstant(_)
            | Token::True
            | Token::False
            | Token::Unit
            | Token::Reserved(_)
            | Token::Custom(_) => Previous::Value,
            Token::LeftParen => {
                let parameters = matches!(self.nesting.innermost(), Some(Open::Function));
                self.nesting.open(Open::Paren { commas: 0, parameters });
                if matches!(previous, Previous::For | Previous::Catch) { previous } else { Previous::Other }
            }
            Token::LeftBracket | Token::QuestionBracket => self.opens(Open::Square),
            Token::MapStart => self.opens(Open::Map { properties: 0 }),
            Token::LeftBrace => {
                self.nesting.open_brace();
                Previous::Other
            }
            Token::RightParen => self.closes(|open| matches!(open, Open::Paren { .. }), Previous::Value),
            Token::RightBracket => self.closes(|open| matches!(open, Open::Square), Previous::Value),
            Token::RightBrace => {
                let is_brace = |open: &Open| matches!(open, Open::Brace { .. } | Open::Map { .. });
                self.closes(is_brace, Previous::RightBrace)
            }
            Token::Comma => self.comma(limits),
            Token::Colon => self.colon(limits),
            Token::SemiColon => self.ends_statement(limits),
            Token::Pipe => self.bar(previous),
            Token::Or => match previous {
                Previous::Value => Previous::Other,
                _ => self.begins_closure(),
            },
            Token::Fn => {
                self.nesting.begin_function(Open::Function, false);
                Previous::Function
            }
            Token::Period | Token::Elvis => Previous::Dot,
            Token::Let | Token::Const => {
                let exported = previous == Previous::Export;
                Previous::Let { exported, outlives: previous == Previous::Arrow }
            }
            Token::For => Previous::For,
            Token::Catch => Previous::Catch,
            Token::As => Previous::As,
            Token::DoubleArrow => Previous::Arrow,
            Token::Export => {
                self.exports += 1;
                self.refuse(
                    "too many exports",
                    limit_name!(max_variables),
                    self.exports,
                    limits.max_variables,
                );
                Previous::Export
            }
            Token::Import => {
                self.imports += 1;
                self.refuse(
                    "too many imports of modules",
                    limit_name!(max_modules),
                    self.imports,
                    limits.max_modules,
                );
                Previous::Other
            }
            _ => Previous::Other,
        };
    }

    /// Whether the next word names a variable, a parameter, an alias or a function.
    pub(super) fn names_something(&self) -> bool {
        let after = matches!(
            self.previous,
            Previous::Let { .. } | Previous::For | Previous::Catch | Previous::As | Previous::Function
        );
        after
            || matches!(
                self.nesting.innermost(),
                Some(Open::Paren { parameters: true, .. } | Open::Pipes { .. })
            )
    }

    fn identifier(&mut self, name: &str, previous: Previous, limits: &ScriptLimits) -> Previous {
        let name = self.hasher.hash_one(name);
        match previous {
            Previous::Dot | Previous::As | Previous::Function => {}
            Previous::Let { exported, outlives } => {
                self.nesting.declare_later(name, exported, outlives);
                self.check_variables(limits);
            }
            // In their expressions, and after their blocks, they are not declared.
            Previous::For | Previous::Catch => {
                self.used(name, limits);
                self.declare(name, limits);
            }
            _ => match self.nesting.innermost() {
                Some(Open::Paren { parameters: true, .. } | Open::Pipes { sure: true, .. }) => {
                    self.declare(name, limits);
                }
                Some(Open::Pipes { sure: false, .. }) => {
                    self.used(name, limits);
                    self.declare(name, limits);
                }
                _ => self.name = Some(name),
            },
        }
        Previous::Value
    }

    fn opens(&mut self, open: Open) -> Previous {
        self.nesting.open(open);
        Previous::Other
    }

    fn closes(&mut self, is_it: impl Fn(&Open) -> bool, now: Previous) -> Previous {
        self.nesting.close(is_it, now == Previous::RightBrace);
        now
    }

    fn comma(&mut self, limits: &ScriptLimits) -> Previous {
        self.ends_statement(limits);
        if let Some(Open::Paren { commas, .. } | Open::Pipes { commas, .. }) = self.nesting.innermost_mut() {
            *commas += 1;
            let arguments = *commas + 1;
            self.refuse(
                "too many arguments or parameters",
                limit_name!(max_arguments),
                arguments,
                limits.max_arguments,
            );
        }
        Previous::Other
    }

    /// Rhai compares each key with all those before it.
    fn colon(&mut self, limits: &ScriptLimits) -> Previous {
        if let Some(Open::Map { properties }) = self.nesting.innermost_mut() {
            *properties += 1;
            let properties = *properties;
            let what = "too many properties of an object map that is written out";
            self.refuse(what, limit_name!(max_map_literal), properties, limits.max_map_literal);
        }
        Previous::Other
    }

    fn ends_statement(&mut self, limits: &ScriptLimits) -> Previous {
        self.nesting.end_statement();
        self.check_variables(limits);
        Previous::Other
    }

    fn bar(&mut self, previous: Previous) -> Previous {
        if matches!(self.nesting.innermost(), Some(Open::Pipes { .. })) {
            self.nesting.end_pipes();
            return Previous::Bar;
        }
        if previous == Previous::Value {
            return Previous::Other;
        }
        let sure = previous != Previous::RightBrace;
        self.nesting.begin_function(Open::Pipes { commas: 0, sure }, true);
        Previous::Other
    }

    fn begins_closure(&mut self) -> Previous {
        self.nesting.begin_function(Open::Closure { braced: false }, true);
        Previous::Bar
    }

    /// Counts the use of a variable.
    fn used(&mut self, name: u64, limits: &ScriptLimits) {
        let undeclared = self.nesting.use_name(name);
        let what = "too many variables that are not defined";
        self.refuse(what, limit_name!(max_variables), undeclared.unknown, limits.max_variables);
        let what = "too many variables that a closure captures";
        self.refuse(what, limit_name!(max_arguments), undeclared.captured, limits.max_arguments);
    }

    fn declare(&mut self, name: u64, limits: &ScriptLimits) {
        self.nesting.declare(name, false);
        self.check_variables(limits);
    }

    fn check_variables(&mut self, limits: &ScriptLimits) {
        self.refuse(
            "too many variables",
            limit_name!(max_variables),
            self.nesting.variables(),
            limits.max_variables,
        );
    }

    /// Refuses the script if it has more than the limit.
    fn refuse(&mut self, what: &str, name: LimitName, count: usize, max: usize) {
        if count > max && self.refused.is_none() {
            self.refused = Some(exceeded(what, name, max));
        }
    }
}
