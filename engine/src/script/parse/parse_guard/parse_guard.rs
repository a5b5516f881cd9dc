use std::cell::RefCell;
use std::time::Duration;

use rhai::{AST, LexError, ParseError, ParseErrorType, Token, TokenizeState};

use super::open_comment::open_comment;
use super::parse::{Parse, TOO_LONG};
use crate::config::ScriptLimits;
use crate::memory::uncharged;

/// Bounds what Rhai's parser takes more than linear time for, token by token: the arguments of a call, the
/// parameters of a function, the names in scope, those that a closure captures, imports and exports.
///
/// Without it a script of 256 KiB is parsed for 15 seconds, and a step between two tokens, which nothing
/// interrupts, for seconds. Where a token can mean two things to it, it takes the one that counts more.
#[derive(Debug)]
pub(crate) struct ParseGuard {
    limits: ScriptLimits,
    /// The longest time of a parse; unlimited if `None`.
    max_time: Option<Duration>,
}

/// What `curry` in a script becomes when it is parsed: a function of ours, since Rhai's own adds arguments to
/// a function pointer without end, and looks for a function with 20,000 of them for 9 seconds.
pub(crate) const CURRY: &str = "bounded_curry";

thread_local! {
    /// The parses of this thread, the last used one first. Several are under way when scripts are parsed on a lane in
    /// slices.
    static PARSES: RefCell<Vec<Parse>> = const { RefCell::new(Vec::new()) };
}

impl ParseGuard {
    pub(crate) fn new(limits: &ScriptLimits) -> Self {
        Self { limits: *limits, max_time: None }
    }

    /// Refuses a parse that takes longer.
    pub(crate) fn with_max_time(mut self, max_time: Duration) -> Self {
        self.max_time = Some(max_time);
        self
    }

    /// Whether a parse failed only because it took too long.
    pub(crate) fn gave_up(error: &ParseError) -> bool {
        matches!(error.err_type(), ParseErrorType::BadInput(LexError::Runtime(message)) if message == TOO_LONG)
    }

    /// Counts the next token of a parse, and returns the token that the parser takes instead.
    pub(crate) fn check(&self, token: Token, state: &TokenizeState) -> Token {
        // The memory belongs to the thread and not to the script, and the length of scripts bounds it.
        let (refused, is_name) = uncharged(|| {
            PARSES.with_borrow_mut(|parses| {
                let parse = Parse::of(parses, &state.tokenizer_control);
                let is_name = parse.names_something();
                if parse.refused.is_none() {
                    parse.next(&token, &self.limits, self.max_time);
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

    /// Parses a script, or a module, with an engine that has such a guard.
    pub(crate) fn parse(engine: &rhai::Engine, source: &str) -> Result<AST, ParseError> {
        // Without a scope: what is in one becomes part of the compiled form.
        let parsed = engine.compile(source).map_err(Self::explain);
        open_comment(engine, source, &parsed).map_or(parsed, Err)
    }

    /// The error of a parse that just failed on this thread. Rhai puts another in the place of some.
    fn explain(error: ParseError) -> ParseError {
        let refused = PARSES.with_borrow_mut(|parses| parses.first_mut()?.refused.take());
        match refused {
            None => error,
            Some(message) => {
                ParseError(ParseErrorType::BadInput(LexError::Runtime(message)).into(), error.position())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parse_that_takes_too_long_is_given_up() {
        let parse = |max_time, source: &str| {
            let guard = ParseGuard::new(&ScriptLimits::default()).with_max_time(max_time);
            let mut engine = rhai::Engine::new();
            #[expect(deprecated, reason = "Rhai marks what may change in a later release so")]
            engine.on_parse_token(move |token, _, state| guard.check(token, state));
            ParseGuard::parse(&engine, source).map(drop)
        };
        let long = "1;".repeat(1_000);
        let error = parse(Duration::ZERO, &long).expect_err("it takes time");
        assert!(ParseGuard::gave_up(&error), "{error}");
        assert_eq!(parse(Duration::MAX, &long), Ok(()));
        assert_eq!(parse(Duration::ZERO, "1 + 1"), Ok(()), "too short for a check of the time");
        let error = parse(Duration::MAX, "1 +").expect_err("it ends too soon");
        assert!(!ParseGuard::gave_up(&error), "{error}");
    }
}
