use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rhai::{LexError, ParseError, ParseErrorType, Token, TokenizeState, TokenizerControl};

use super::curry::CURRY;
use super::limit;
use crate::EngineConfig;
use crate::memory::uncharged;

/// Bounds what Rhai's parser takes more than linear time for, token by token: the arguments of a call, the
/// parameters of a function, the names in scope, those that a closure captures, imports and exports.
///
/// Without it a script of 256 KiB is parsed for 15 seconds, and a step between two tokens, which nothing
/// interrupts, for seconds. Where a token can mean two things to it, it takes the one that counts more.
#[derive(Debug)]
pub(crate) struct ParseGuard {
    max_arguments: usize,
    max_variables: usize,
    max_modules: usize,
    max_map_literal: usize,
    max_time: Option<Duration>,
}

/// What is known of one parse.
struct Parse {
    /// Rhai's own handle of it: the same for all its tokens, and only ours once it is over.
    control: TokenizerControl,
    hasher: RandomState,
    /// What is open, innermost last.
    open: Vec<Open>,
    /// The functions and closures around the token, outermost first; the first is the script.
    regions: Vec<Region>,
    /// The names in scope, each with where the same name stood before.
    declared: Vec<(u64, Option<usize>)>,
    /// Where each name in scope stands.
    places: HashMap<u64, usize, BuildHasherDefault<Same>>,
    /// Names of `let` and `const` whose statement has not ended, with how much was open.
    lets: Vec<Let>,
    /// Variables that outlive the block that they are defined in, as those of the cases of a `switch`.
    outliving: usize,
    imports: usize,
    exports: usize,
    tokens: u32,
    began: Instant,
    previous: Previous,
    /// A name of which the next token tells whether it is a variable.
    name: Option<u64>,
    /// Why the script was refused.
    refused: Option<String>,
}

enum Open {
    /// `(`, of a call or not: only calls and parameters have commas.
    Paren {
        commas: usize,
        parameters: bool,
    },
    Square,
    /// `{` of a block, or of the cases of a `switch`, with how many names there were before.
    Brace {
        declared: usize,
    },
    Map {
        properties: usize,
    },
    /// The parameters of a closure. `sure`: it can't be the operator `|`.
    Pipes {
        commas: usize,
        sure: bool,
    },
    /// The body of a closure.
    Closure {
        braced: bool,
    },
    /// A function, from its keyword on.
    Function,
}

/// A function or a closure.
struct Region {
    /// How many names were in scope when it began.
    declared: usize,
    /// Whether it is a closure, which captures.
    captures: bool,
    /// The names that it uses and did not declare.
    names: HashSet<u64, BuildHasherDefault<Same>>,
}

struct Let {
    name: u64,
    open: usize,
    exported: bool,
}

/// What the token before was, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Previous {
    /// An expression can't have ended there.
    Other,
    /// An expression may have ended there.
    Value,
    RightBrace,
    /// Before the name of a property.
    Dot,
    Let {
        exported: bool,
        outlives: bool,
    },
    /// Before the name of a loop's variable.
    For,
    Catch,
    /// Before a name that is no variable.
    As,
    Function,
    Export,
    Arrow,
    /// The bars or the body of a closure begin.
    Bar,
}

/// How many tokens of a parse are looked at between two looks at the clock.
const TOKENS_TO_A_LOOK: u32 = 256;
/// The error of a parse that took too long.
const GAVE_UP: &str = "the script takes too long to parse";

/// The hash of a hash.
#[derive(Default)]
struct Same(u64);

thread_local! {
    /// The parses of this thread, the last one used first. Several are under way when scripts that are
    /// parsed take turns.
    static PARSES: RefCell<Vec<Parse>> = const { RefCell::new(Vec::new()) };
}

impl ParseGuard {
    pub(crate) fn new(config: &EngineConfig) -> Self {
        Self {
            max_arguments: config.max_arguments,
            max_variables: config.max_variables,
            max_modules: config.max_modules,
            max_map_literal: config.max_map_literal,
            max_time: None,
        }
    }

    /// Gives up a parse that takes longer.
    pub(crate) fn with_max_time(mut self, max_time: Duration) -> Self {
        self.max_time = Some(max_time);
        self
    }

    /// Whether a parse failed only because it took too long.
    pub(crate) fn gave_up(error: &ParseError) -> bool {
        matches!(error.err_type(), ParseErrorType::BadInput(LexError::Runtime(message)) if message == GAVE_UP)
    }

    /// Looks at the next token of a parse. The token to go on with.
    pub(crate) fn check(&self, token: Token, state: &TokenizeState) -> Token {
        // It is the thread's, and bounded by the lengths of scripts.
        let (refused, is_name) = uncharged(|| {
            PARSES.with_borrow_mut(|parses| {
                let parse = Parse::of(parses, &state.tokenizer_control);
                let is_name = parse.names_something();
                if parse.refused.is_none() {
                    parse.next(&token, self);
                }
                (parse.refused.clone(), is_name)
            })
        });
        match (refused, token) {
            (Some(message), _) => Token::LexError(LexError::Runtime(message).into()),
            (None, Token::Reserved(word)) if *word == "curry" && !is_name => {
                Token::Identifier(Box::new(CURRY.into()))
            }
            (None, token) => token,
        }
    }

    /// The error of a parse that just failed on this thread. Rhai puts another in the place of some.
    pub(crate) fn explain(error: ParseError) -> ParseError {
        let refused = PARSES.with_borrow_mut(|parses| parses.first_mut()?.refused.take());
        match refused {
            None => error,
            Some(message) => {
                ParseError(ParseErrorType::BadInput(LexError::Runtime(message)).into(), error.position())
            }
        }
    }
}

impl Parse {
    fn of<'a>(parses: &'a mut Vec<Self>, control: &TokenizerControl) -> &'a mut Self {
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
            open: Vec::new(),
            regions: vec![Region { declared: 0, captures: false, names: HashSet::default() }],
            declared: Vec::new(),
            places: HashMap::default(),
            lets: Vec::new(),
            outliving: 0,
            imports: 0,
            exports: 0,
            tokens: 0,
            began: Instant::now(),
            previous: Previous::Other,
            name: None,
            refused: None,
        }
    }

    fn next(&mut self, token: &Token, limits: &ParseGuard) {
        self.tokens = self.tokens.wrapping_add(1);
        if self.tokens.is_multiple_of(TOKENS_TO_A_LOOK)
            && limits.max_time.is_some_and(|max| self.began.elapsed() > max)
        {
            self.refused = Some(GAVE_UP.to_owned());
            return;
        }
        if let Some(name) = self.name.take() {
            let is_key = matches!(token, Token::Colon) && matches!(self.open.last(), Some(Open::Map { .. }));
            let is_call = matches!(token, Token::LeftParen | Token::Unit | Token::Bang | Token::DoubleColon);
            if !is_key && !is_call {
                self.used(name, limits);
            }
        }
        if let Some(Open::Closure { braced }) = self.open.last_mut()
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
                let parameters = matches!(self.open.last(), Some(Open::Function));
                self.open.push(Open::Paren { commas: 0, parameters });
                if matches!(previous, Previous::For | Previous::Catch) { previous } else { Previous::Other }
            }
            Token::LeftBracket | Token::QuestionBracket => self.opens(Open::Square),
            Token::MapStart => self.opens(Open::Map { properties: 0 }),
            Token::LeftBrace => self.opens(Open::Brace { declared: self.declared.len() }),
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
                self.begins_region(Open::Function, false);
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
                self.refuse("too many exports", "max_variables", self.exports, limits.max_variables);
                Previous::Export
            }
            Token::Import => {
                self.imports += 1;
                self.refuse("too many imports of modules", "max_modules", self.imports, limits.max_modules);
                Previous::Other
            }
            _ => Previous::Other,
        };
    }

    /// Whether the next word is a name that is given to something.
    fn names_something(&self) -> bool {
        let after = matches!(
            self.previous,
            Previous::Let { .. } | Previous::For | Previous::Catch | Previous::As | Previous::Function
        );
        after || matches!(self.open.last(), Some(Open::Paren { parameters: true, .. } | Open::Pipes { .. }))
    }

    fn identifier(&mut self, name: &str, previous: Previous, limits: &ParseGuard) -> Previous {
        let name = self.hasher.hash_one(name);
        match previous {
            Previous::Dot | Previous::As | Previous::Function => {}
            Previous::Let { exported, outlives } => {
                self.outliving += usize::from(outlives);
                self.check_variables(limits);
                self.lets.push(Let { name, open: self.open.len(), exported });
            }
            // In their expressions, and after their blocks, they are not declared.
            Previous::For | Previous::Catch => {
                self.used(name, limits);
                self.declare(name, false, limits);
            }
            _ => match self.open.last() {
                Some(Open::Paren { parameters: true, .. } | Open::Pipes { sure: true, .. }) => {
                    self.declare(name, false, limits);
                }
                Some(Open::Pipes { sure: false, .. }) => {
                    self.used(name, limits);
                    self.declare(name, false, limits);
                }
                _ => self.name = Some(name),
            },
        }
        Previous::Value
    }

    fn opens(&mut self, open: Open) -> Previous {
        self.open.push(open);
        Previous::Other
    }

    /// Closes what `is_it` is, and what is open in it.
    fn closes(&mut self, is_it: impl Fn(&Open) -> bool, now: Previous) -> Previous {
        if !self.open.iter().rev().any(&is_it) {
            return now; // Rhai refuses it
        }
        while let Some(open) = self.open.pop() {
            match open {
                Open::Brace { declared } => self.forget_from(declared),
                Open::Closure { .. } | Open::Function | Open::Pipes { .. } => self.ends_region(),
                _ => {}
            }
            if is_it(&open) {
                break;
            }
        }
        if now == Previous::RightBrace
            && matches!(self.open.last(), Some(Open::Closure { braced: true } | Open::Function))
        {
            self.open.pop();
            self.ends_region();
        }
        let open = self.open.len();
        self.lets.retain(|defined| defined.open <= open);
        now
    }

    fn comma(&mut self, limits: &ParseGuard) -> Previous {
        self.ends_statement(limits);
        if let Some(Open::Paren { commas, .. } | Open::Pipes { commas, .. }) = self.open.last_mut() {
            *commas += 1;
            let arguments = *commas + 1;
            self.refuse("too many arguments or parameters", "max_arguments", arguments, limits.max_arguments);
        }
        Previous::Other
    }

    /// Rhai compares each key with all those before it.
    fn colon(&mut self, limits: &ParseGuard) -> Previous {
        if let Some(Open::Map { properties }) = self.open.last_mut() {
            *properties += 1;
            let properties = *properties;
            let what = "too many properties of an object map that is written out";
            self.refuse(what, "max_map_literal", properties, limits.max_map_literal);
        }
        Previous::Other
    }

    /// After `;`, or `,`: closures that are expressions end, and what `let` defines is there.
    fn ends_statement(&mut self, limits: &ParseGuard) -> Previous {
        while matches!(self.open.last(), Some(Open::Closure { .. })) {
            self.open.pop();
            self.ends_region();
        }
        let open = self.open.len();
        while let Some(defined) = self.lets.pop_if(|defined| defined.open >= open) {
            if defined.open == open {
                self.declare(defined.name, defined.exported, limits);
            }
        }
        Previous::Other
    }

    fn bar(&mut self, previous: Previous) -> Previous {
        if matches!(self.open.last(), Some(Open::Pipes { .. })) {
            self.open.pop();
            self.open.push(Open::Closure { braced: false });
            return Previous::Bar;
        }
        if previous == Previous::Value {
            return Previous::Other;
        }
        let sure = previous != Previous::RightBrace;
        self.begins_region(Open::Pipes { commas: 0, sure }, true);
        Previous::Other
    }

    fn begins_closure(&mut self) -> Previous {
        self.begins_region(Open::Closure { braced: false }, true);
        Previous::Bar
    }

    fn begins_region(&mut self, open: Open, captures: bool) {
        self.open.push(open);
        self.regions.push(Region { declared: self.declared.len(), captures, names: HashSet::default() });
    }

    fn ends_region(&mut self) {
        if let Some(region) = self.regions.pop() {
            self.forget_from(region.declared);
        }
    }

    /// A variable of this name is used: all functions around capture it, up to the one that declared it.
    fn used(&mut self, name: u64, limits: &ParseGuard) {
        let declared = self.places.get(&name).copied();
        let (mut captured, mut unknown) = (0, 0);
        for region in self.regions.iter_mut().rev() {
            if declared.is_some_and(|place| place >= region.declared) {
                break;
            }
            region.names.insert(name);
            if !region.captures {
                unknown = region.names.len();
                break;
            }
            captured = captured.max(region.names.len());
        }
        self.refuse(
            "too many variables that are not defined",
            "max_variables",
            unknown,
            limits.max_variables,
        );
        let what = "too many variables that a closure captures";
        self.refuse(what, "max_arguments", captured, limits.max_arguments);
    }

    fn declare(&mut self, name: u64, always: bool, limits: &ParseGuard) {
        let block = self.open.iter().rev().find_map(|open| match open {
            Open::Brace { declared } => Some(*declared),
            _ => None,
        });
        let block = block.unwrap_or(0).max(self.regions.last().map_or(0, |region| region.declared));
        // Within a block the later one takes the place of the earlier.
        if !always && self.places.get(&name).is_some_and(|place| *place >= block) {
            return;
        }
        let before = self.places.insert(name, self.declared.len());
        self.declared.push((name, before));
        self.check_variables(limits);
    }

    fn check_variables(&mut self, limits: &ParseGuard) {
        let variables = self.declared.len() + self.outliving;
        self.refuse("too many variables", "max_variables", variables, limits.max_variables);
    }

    fn forget_from(&mut self, len: usize) {
        while self.declared.len() > len {
            match self.declared.pop() {
                Some((name, Some(before))) => self.places.insert(name, before),
                Some((name, None)) => self.places.remove(&name),
                None => return,
            };
        }
    }

    /// Refuses the script if it has more than the limit.
    fn refuse(&mut self, what: &str, setting: &'static str, count: usize, max: usize) {
        if count > max && self.refused.is_none() {
            self.refused = Some(limit::exceeded(what, setting, max));
        }
    }
}

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("it is for hashes only");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parse_that_takes_too_long_is_given_up() {
        let parse = |max_time, source: &str| {
            let guard = ParseGuard::new(&EngineConfig::new()).with_max_time(max_time);
            let mut engine = rhai::Engine::new();
            #[expect(deprecated, reason = "Rhai marks what may change in a later release so")]
            engine.on_parse_token(move |token, _, state| guard.check(token, state));
            engine.compile(source).map(drop).map_err(ParseGuard::explain)
        };
        let long = "1;".repeat(1_000);
        let error = parse(Duration::ZERO, &long).expect_err("it takes time");
        assert!(ParseGuard::gave_up(&error), "{error}");
        assert_eq!(parse(Duration::MAX, &long), Ok(()));
        assert_eq!(parse(Duration::ZERO, "1 + 1"), Ok(()), "too short to look");
        let error = parse(Duration::MAX, "1 +").expect_err("it ends too soon");
        assert!(!ParseGuard::gave_up(&error), "{error}");
    }
}
