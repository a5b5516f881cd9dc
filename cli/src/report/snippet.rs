use std::fmt;

use unicode_width::UnicodeWidthChar;

use super::Styles;
use super::visible::{Visible, is_hidden};

/// A place in a script: its name and position and, if the line is known, that line with a caret
/// under the column.
#[derive(Debug)]
pub(crate) struct Snippet<'a> {
    name: &'a str,
    line: Option<u32>,
    column: Option<u32>,
    source: Option<&'a str>,
    styles: Styles,
}

/// A line as it is shown: cut, tabs widened, control characters made visible.
struct Shown {
    text: String,
    /// The number of terminal cells before the caret.
    caret: usize,
}

/// Limit on the cells that are shown of a line.
const MAX_CELLS: usize = 96;
/// The text that replaces a tab.
const TAB: &str = "    ";

impl<'a> Snippet<'a> {
    /// `line` and `column` count from 1, columns in characters.
    pub(crate) fn new(
        name: &'a str,
        text: Option<&'a str>,
        line: Option<u32>,
        column: Option<u32>,
        styles: Styles,
    ) -> Self {
        let index = line.and_then(|line| usize::try_from(line.checked_sub(1)?).ok());
        let source = index.zip(text).and_then(|(index, text)| text.lines().nth(index));
        Self { name, line, column, source, styles }
    }
}

impl fmt::Display for Snippet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Styles { gutter, error, .. } = self.styles;
        let number = self.line.map(|line| line.to_string()).unwrap_or_default();
        let indent = " ".repeat(number.len().max(1) + 1);

        write!(f, "{gutter}{indent}-->{gutter:#} {}", Visible::line(self.name))?;
        if self.line.is_some() {
            write!(f, ":{number}")?;
        }
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        let Some(source) = self.source else { return Ok(()) };
        let column = self.column.and_then(|column| usize::try_from(column.saturating_sub(1)).ok());
        let Shown { text, caret } = Shown::new(source, column.unwrap_or(0));
        write!(f, "\n{gutter}{indent} |{gutter:#}\n{gutter} {number} |{gutter:#} {text}")?;
        if column.is_some() {
            let before = " ".repeat(caret);
            write!(f, "\n{gutter}{indent} |{gutter:#} {before}{error}^{error:#}")?;
        }
        Ok(())
    }
}

impl Shown {
    /// Shows `line` around the character `column`, counted from 0.
    fn new(line: &str, column: usize) -> Self {
        // Each character with the cell that it begins in.
        let mut end = 0;
        let cells: Vec<(usize, char)> = line
            .chars()
            .map(|c| {
                let begin = end;
                end += width(c);
                (begin, c)
            })
            .collect();
        let caret = cells.get(column).map_or(end, |(begin, _)| *begin);

        // The shown part has the caret in its middle, unless the line ends or begins nearer.
        let from = caret.saturating_sub(MAX_CELLS / 2).min(end.saturating_sub(MAX_CELLS));
        let shown = || {
            cells
                .iter()
                .filter(|(begin, c)| *begin >= from && begin + width(*c) <= from.saturating_add(MAX_CELLS))
        };
        let first = shown().next().map_or(end, |(begin, _)| *begin);
        let last = shown().next_back().map_or(end, |(begin, c)| begin + width(*c));

        let mut text = String::new();
        if first > 0 {
            text.push('…');
        }
        let caret = caret - first + text.chars().count();
        shown().for_each(|(_, c)| push_visible(&mut text, *c));
        if last < end {
            text.push('…');
        }
        Self { text, caret }
    }
}

/// The cells that a character takes as it is shown.
fn width(c: char) -> usize {
    match c {
        '\t' => TAB.len(),
        c if is_hidden(c) => 1,
        c => c.width().unwrap_or(1),
    }
}

fn push_visible(text: &mut String, c: char) {
    match c {
        '\t' => text.push_str(TAB),
        c if is_hidden(c) => text.push('\u{fffd}'),
        c => text.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The source line and the caret's line, without the gutter.
    fn show(text: &str, line: u32, column: u32) -> (String, String) {
        let snippet = Snippet::new("x", Some(text), Some(line), Some(column), Styles::default()).to_string();
        let lines: Vec<&str> =
            snippet.lines().map(|line| line.split_once("| ").map_or("", |(_, s)| s)).collect();
        assert_eq!(lines.len(), 4, "{snippet}");
        (lines[2].to_owned(), lines[3].to_owned())
    }

    #[test]
    fn the_gutter_is_as_wide_as_the_number() {
        let text = "let x = nope + 1;\n".repeat(12);
        let shown = Snippet::new("a.rhai", Some(&text), Some(12), Some(9), Styles::default()).to_string();
        let expected = "   --> a.rhai:12:9
    |
 12 | let x = nope + 1;
    |         ^";
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_caret_counts_cells_where_the_column_counts_characters() {
        assert_eq!(show("\t\tnope", 1, 3), ("        nope".into(), "        ^".into()));
        assert_eq!(show("\"漢字\" + nope", 1, 8), ("\"漢字\" + nope".into(), "         ^".into()));
        assert_eq!(show("\"é\" + nope", 1, 7), ("\"é\" + nope".into(), "      ^".into()));
        assert_eq!(show("\"e\u{301}\" + nope", 1, 8), ("\"e\u{301}\" + nope".into(), "      ^".into()));
        assert_eq!(show("\u{1b}[2J nope\r\n", 1, 6), ("\u{fffd}[2J nope".into(), "     ^".into()));
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let line = format!("{}nope{}", "a".repeat(200_000), "b".repeat(300));
        let (text, caret) = show(&line, 1, 200_001);
        assert_eq!(text.chars().count(), MAX_CELLS + 2);
        assert!(text.starts_with("…aaa") && text.ends_with("bbb…"));
        assert_eq!(text.chars().position(|c| c == 'n'), Some(caret.len() - 1));

        let (text, caret) = show(&"漢".repeat(500), 1, 500);
        assert!(text.starts_with('…') && text.ends_with('漢'));
        // The first cell is the ellipsis; each character after it has two.
        assert_eq!(caret.len(), 2 * (text.chars().count() - 1));
    }

    #[test]
    fn positions_that_the_text_does_not_have_do_no_harm() {
        assert_eq!(show("abc", 1, 4), ("abc".into(), "   ^".into()));
        assert_eq!(show("abc", 1, u32::MAX), ("abc".into(), "   ^".into()));
        assert_eq!(show("abc", 1, 0), ("abc".into(), "^".into()));
        assert_eq!(show("\n", 1, 1), (String::new(), "^".into()));
        let show = |line, column| Snippet::new("x", Some("abc"), line, column, Styles::default()).to_string();
        assert_eq!(show(Some(9), Some(1)), "  --> x:9:1");
        assert_eq!(show(Some(0), Some(0)), "  --> x:0:0");
        assert_eq!(show(None, None), "  --> x");
        assert_eq!(show(Some(1), None), "  --> x:1\n   |\n 1 | abc");
    }
}
