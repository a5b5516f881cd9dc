use std::fmt;

/// Text from scripts and servers, made harmless for the terminal: control characters, and characters that change the
/// writing direction, are written as escapes, such as `\u{1b}` for the escape character.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visible<'a> {
    text: &'a str,
    /// Whether line breaks and tabs stay.
    lines: bool,
}

/// The text that replaces a tab on a single line.
const TAB: &str = "    ";

impl<'a> Visible<'a> {
    /// On one line: a line break is written as an escape, and a tab as spaces.
    pub(crate) const fn line(text: &'a str) -> Self {
        Self { text, lines: false }
    }

    /// On as many lines as it has; line breaks and tabs stay.
    pub(crate) const fn lines(text: &'a str) -> Self {
        Self { text, lines: true }
    }
}

/// Whether a character is escaped: control characters, including C1, and characters that change the writing
/// direction, which can make a line look like a different one.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.text;
        while let Some(at) = rest.find(is_hidden) {
            let (before, hidden) = rest.split_at(at);
            f.write_str(before)?;
            let mut chars = hidden.chars();
            match chars.next() {
                Some(c @ ('\n' | '\t')) if self.lines => fmt::Write::write_char(f, c)?,
                Some('\t') => f.write_str(TAB)?,
                Some(c) => write!(f, "{}", c.escape_default())?,
                None => {}
            }
            rest = chars.as_str();
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_the_colours_is_escaped() {
        let line = |text| Visible::line(text).to_string();
        assert_eq!(line("plain, naïve, 漢字"), "plain, naïve, 漢字");
        assert_eq!(line("\u{1b}[2J\u{1b}]0;title\u{7}"), "\\u{1b}[2J\\u{1b}]0;title\\u{7}");
        assert_eq!(line("\u{9b}2J"), "\\u{9b}2J");
        assert_eq!(line("a\rb\nc\td\0\u{8}\u{7f}"), "a\\rb\\nc    d\\u{0}\\u{8}\\u{7f}");
        assert_eq!(line("\u{202e}cod.exe"), "\\u{202e}cod.exe");
    }

    #[test]
    fn lines_and_tabs_stay_where_there_may_be_lines() {
        assert_eq!(Visible::lines("a\n\tb\r\n\u{1b}[31m").to_string(), "a\n\tb\\r\n\\u{1b}[31m");
    }
}
