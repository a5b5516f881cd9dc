use rhai::{AST, Engine, LexError, ParseError, ParseErrorType, Position};

/// A character that no token has.
const NO_TOKEN: &str = "\n\u{1}";

/// The error of a text whose last comment has no end. `parsed`: what the parser made of the text.
///
/// Rhai takes all of the text behind the `/*` for a comment without a word, and shows the parser's callback nothing of it.
/// So the text is parsed again with something behind it that has to be an error: unless it belongs to a comment.
pub(super) fn open_comment(
    engine: &Engine,
    source: &str,
    parsed: &Result<AST, ParseError>,
) -> Option<ParseError> {
    if source.matches("/*").count() <= source.matches("*/").count() {
        return None;
    }
    let is_open = match (parsed, engine.compile(format!("{source}{NO_TOKEN}"))) {
        (Ok(_), Ok(_)) => true,
        // The same error, which is at the end in both.
        (Err(one), Err(other)) => one.err_type() == other.err_type() && one.position() != other.position(),
        _ => false,
    };
    let problem = "the comment that `/*` begins has no end; write `*/` behind it";
    let symbol = LexError::ImproperSymbol("/*".into(), problem.into());
    is_open.then(|| ParseError(ParseErrorType::BadInput(symbol).into(), begin(source)))
}

/// Where the last comment begins that has no end, if all `/*` are in comments.
fn begin(source: &str) -> Position {
    let mut ends = 0;
    for (at, _) in source.rmatch_indices(['/', '*']) {
        match source.get(at..at + 2) {
            Some("*/") => ends += 1,
            Some("/*") if ends > 0 => ends -= 1,
            Some("/*") => return position(&source[..at]),
            _ => {}
        }
    }
    Position::NONE
}

/// That of the character behind a text.
fn position(before: &str) -> Position {
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    let number = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    Position::new(number(line), number(column))
}
