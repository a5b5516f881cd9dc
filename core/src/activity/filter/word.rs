/// One part of a filter's text: `field:value`, or a value alone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// The field, and where it stands.
    pub(super) field: Option<(String, Span)>,
    /// The value without its quotes.
    pub(super) value: String,
    /// Where the value stands, with its quotes; behind the colon if it is missing.
    pub(super) span: Span,
}

/// A place in the text, counted in characters from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A quotation that does not end, and where it begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unclosed(pub(super) Span);

impl Span {
    pub(super) const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// The words of a text. White space separates them, except in double quotes; there `\"` is a quote and `\\` a backslash.
/// A quotation may begin a word or stand behind the colon of a field.
pub(super) fn words(text: &str) -> Result<Vec<Word>, Unclosed> {
    let chars: Vec<char> = text.chars().collect();
    let mut words = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        if chars[at].is_whitespace() {
            at += 1;
            continue;
        }
        let field = field(&chars, at);
        if let Some((_, span)) = &field {
            at = span.end + 1;
        }
        let start = at;
        let value;
        (value, at) = match chars.get(at) {
            Some('"') => quoted(&chars, at)?,
            _ => bare(&chars, at),
        };
        words.push(Word { field, value, span: Span::new(start, at) });
    }
    Ok(words)
}

/// The name before a colon. What has other characters before the colon, such as `10:30`, is a value.
fn field(chars: &[char], start: usize) -> Option<(String, Span)> {
    let length = chars[start..].iter().position(|c| !(c.is_ascii_alphabetic() || *c == '_'))?;
    let is_field = length > 0 && chars[start + length] == ':';
    is_field.then(|| (chars[start..start + length].iter().collect(), Span::new(start, start + length)))
}

fn bare(chars: &[char], start: usize) -> (String, usize) {
    let rest = &chars[start..];
    let length = rest.iter().position(|c| c.is_whitespace()).unwrap_or(rest.len());
    (rest[..length].iter().collect(), start + length)
}

fn quoted(chars: &[char], start: usize) -> Result<(String, usize), Unclosed> {
    let mut value = String::new();
    let mut at = start + 1;
    loop {
        match (chars.get(at), chars.get(at + 1)) {
            (Some('\\'), Some(escaped @ ('"' | '\\'))) => {
                value.push(*escaped);
                at += 2;
            }
            (Some('"'), _) => return Ok((value, at + 1)),
            (Some(c), _) => {
                value.push(*c);
                at += 1;
            }
            (None, _) => return Err(Unclosed(Span::new(start, chars.len()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<(Option<String>, String)> {
        let words = words(text).expect("words");
        words.into_iter().map(|word| (word.field.map(|(name, _)| name), word.value)).collect()
    }

    #[test]
    fn text_is_split_at_white_space_outside_of_quotes() {
        let field = |name: &str, value: &str| (Some(name.to_owned()), value.to_owned());
        let value = |value: &str| (None, value.to_owned());
        assert_eq!(parts("  "), []);
        assert_eq!(
            parts("status:error  \"two words\" error:\"a \\\"b\\\\ c\"\tx"),
            [field("status", "error"), value("two words"), field("error", "a \"b\\ c"), value("x")]
        );
        assert_eq!(parts("10:30 a-b:c"), [value("10:30"), value("a-b:c")]);
        assert_eq!(parts("until:2026-11-30T09:00:00Z"), [field("until", "2026-11-30T09:00:00Z")]);
        assert_eq!(parts("worker: b"), [field("worker", ""), value("b")]);
    }

    #[test]
    fn places_are_counted_in_characters() {
        let words = words("ä größe:\"x y\"").expect("words");
        assert_eq!(words[1].field, None, "names of fields are ASCII");
        let unclosed = super::words("ä \"x").expect_err("no quote at the end");
        assert_eq!(unclosed, Unclosed(Span::new(2, 4)));
    }
}
