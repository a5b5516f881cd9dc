/// One token of Rust source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind,
    /// As it stands in the file; of a raw identifier without its `r#`.
    pub(crate) text: &'a str,
    /// The line on which it begins, 1-based.
    pub(crate) line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// An identifier or a keyword.
    Ident,
    /// A string of any kind, with its quotes.
    Text,
    /// A character, a number or a lifetime: none of the checks reads it.
    Other,
    /// A comment of any kind, doc comments included, with its marks.
    Comment,
    /// One character, or `::`.
    Punct,
}

/// Splits Rust source into tokens.
///
/// Unlike `syn`, it keeps comments, and reads what stands in the arguments of macros. It expects source that
/// compiles: what follows a quote that is never closed is one token.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = first_token(rest, first);
        let (text, after) = rest.split_at(length);
        if let Some(kind) = kind {
            let text = if kind == TokenKind::Ident { text.trim_start_matches("r#") } else { text };
            found.push(Token { kind, text, line });
        }
        line += text.bytes().filter(|&byte| byte == b'\n').count();
        rest = after;
    }
    found
}

/// The kind of the token at the start of `rest`, which is none for white space, and its length in bytes.
fn first_token(rest: &str, first: char) -> (Option<TokenKind>, usize) {
    if first.is_whitespace() {
        return (None, first.len_utf8());
    }
    if rest.starts_with("//") {
        return (Some(TokenKind::Comment), rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Some(TokenKind::Comment), block_comment(rest));
    }
    if let Some(length) = text(rest) {
        return (Some(TokenKind::Text), length);
    }
    if first == '\'' {
        return (Some(TokenKind::Other), quote(rest));
    }
    let raw = if rest.starts_with("r#") { 2 } else { 0 };
    let word = rest[raw..].find(|c: char| !is_word(c)).map_or(rest.len(), |end| raw + end);
    if word > raw {
        let kind = if first.is_ascii_digit() { TokenKind::Other } else { TokenKind::Ident };
        return (Some(kind), word);
    }
    let length = if rest.starts_with("::") { 2 } else { first.len_utf8() };
    (Some(TokenKind::Punct), length)
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The length of a comment that may hold others.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of a string, if `rest` begins with one: plain, raw, of bytes or for C.
fn text(rest: &str) -> Option<usize> {
    let prefix = rest.find(|c: char| !matches!(c, 'b' | 'c' | 'r'))?;
    let raw = rest[..prefix].ends_with('r');
    let hashes = rest[prefix..].find(|c: char| c != '#')?;
    let quote = prefix + hashes;
    if prefix > 2 || !rest[quote..].starts_with('"') || (hashes > 0 && !raw) {
        return None;
    }
    let body = quote + 1;
    if raw {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(rest[body..].find(&end).map_or(rest.len(), |at| body + at + end.len()));
    }
    Some(closing(rest, body, '"'))
}

/// The length of a character or, where no quote closes it, of a lifetime.
fn quote(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    let Some((_, first)) = chars.next() else { return rest.len() };
    let second = chars.next();
    if first == '\\' || second.is_some_and(|(_, c)| c == '\'') {
        return closing(rest, 1, '\'');
    }
    rest[1..].find(|c: char| !is_word(c)).map_or(rest.len(), |end| 1 + end)
}

/// The place after the first `mark` from `from` on that no backslash escapes.
fn closing(rest: &str, from: usize, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest[from..].char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == mark {
            return from + at + c.len_utf8();
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_kind(source: &str, kind: TokenKind) -> Vec<&str> {
        tokens(source).into_iter().filter(|token| token.kind == kind).map(|token| token.text).collect()
    }

    #[test]
    fn comments_are_kept_and_quotes_in_them_open_no_string() {
        let source = "/// It's one.\nfn a() {} /* two /* \"nested */ */ // three";
        let comments = of_kind(source, TokenKind::Comment);
        assert_eq!(comments, ["/// It's one.", "/* two /* \"nested */ */", "// three"]);
        assert_eq!(of_kind(source, TokenKind::Ident), ["fn", "a"]);
    }

    #[test]
    fn strings_end_where_rust_ends_them() {
        let source = r####"f("a\"// b", r#"c " d"#, b"e", br##"f"##, c"g", r"\", "")"####;
        let strings =
            [r#""a\"// b""#, r##"r#"c " d"#"##, "b\"e\"", r###"br##"f"##"###, "c\"g\"", "r\"\\\"", "\"\""];
        assert_eq!(of_kind(source, TokenKind::Text), strings);
        assert_eq!(of_kind(source, TokenKind::Ident), ["f"]);
    }

    #[test]
    fn lifetimes_are_told_from_characters() {
        let source = r"impl<'a> F<'a> { let x: &'static str = ['\'', '{', 'ä', b'\n', b'x']; }";
        let others = of_kind(source, TokenKind::Other);
        assert_eq!(others, ["'a", "'a", "'static", r"'\''", "'{'", "'ä'", r"'\n'", "'x'"]);
    }

    #[test]
    fn tokens_know_their_lines() {
        let source = "use a::r#type;\n\n\"two\nlines\" end";
        let lines: Vec<_> = tokens(source).iter().map(|token| (token.text, token.line)).collect();
        let expected =
            [("use", 1), ("a", 1), ("::", 1), ("type", 1), (";", 1), ("\"two\nlines\"", 3), ("end", 4)];
        assert_eq!(lines, expected);
    }
}
