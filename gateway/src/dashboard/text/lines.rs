use super::{html_bytes, shown, within};

/// The lines of a script, as far as they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::dashboard) struct SourceLines {
    pub(in crate::dashboard) lines: Vec<SourceLine>,
    /// How many bytes the script has, if these are not all of its lines.
    pub(in crate::dashboard) whole_bytes: Option<usize>,
}

/// A line of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dashboard) struct SourceLine {
    /// From 1.
    pub(in crate::dashboard) number: usize,
    /// Before the marked character; all of the line, unless a character is marked.
    pub(in crate::dashboard) text: String,
    /// From the marked character on.
    pub(in crate::dashboard) marked_text: Option<String>,
    pub(in crate::dashboard) is_marked: bool,
}

impl SourceLines {
    /// As many lines as are shown, around the marked one.
    const MAX_LINES: usize = 500;
    /// As many bytes as they take in a page, with what is around each line.
    const MAX_BYTES: usize = 32 * 1024;
    const AROUND: usize = 64;

    /// The lines of `source`; the one with the number `line` is marked, from the character `column` on.
    pub(in crate::dashboard) fn new(source: &str, line: Option<u32>, column: Option<u32>) -> Self {
        let count = source.lines().count();
        let marked =
            line.and_then(|line| usize::try_from(line).ok()).filter(|line| (1..=count).contains(line));
        let column = column.and_then(|column| usize::try_from(column).ok()?.checked_sub(1));
        let first = marked.map_or(0, |line| line.saturating_sub(Self::MAX_LINES / 2));
        let around: Vec<_> = source.lines().enumerate().skip(first).take(Self::MAX_LINES).collect();
        let mark = marked.map_or(0, |line| line - 1 - first);
        // What stands before the mark takes half of the room at most.
        let start = mark - Self::fitting(around[..mark].iter().rev(), Self::MAX_BYTES / 2);
        let end = start + Self::fitting(around[start..].iter(), Self::MAX_BYTES);
        let lines: Vec<_> = around[start..end]
            .iter()
            .map(|(index, text)| {
                let is_marked = marked == Some(index + 1);
                SourceLine::new(index + 1, text, is_marked, column.filter(|_| is_marked))
            })
            .collect();
        let is_all = lines.len() == count && around[start..end].iter().all(|(_, text)| !is_too_long(text));
        Self { lines, whole_bytes: (!is_all).then_some(source.len()) }
    }

    /// How many of these lines fit.
    fn fitting<'a>(lines: impl Iterator<Item = &'a (usize, &'a str)>, max_bytes: usize) -> usize {
        let mut bytes = 0;
        let fits = |(_, text): &&(usize, &str)| {
            bytes += html_bytes(within(text, MAX_LINE_BYTES)) + Self::AROUND;
            bytes <= max_bytes
        };
        lines.take_while(fits).count()
    }
}

/// As many bytes as one line takes.
const MAX_LINE_BYTES: usize = 2 * 1024;

impl SourceLine {
    /// A line, or a part of it: its beginning, or what is around the character `column`, from 0.
    fn new(number: usize, line: &str, is_marked: bool, column: Option<usize>) -> Self {
        let at = column.and_then(|column| line.char_indices().nth(column)).map(|(at, _)| at);
        let start = at.filter(|_| is_too_long(line)).map_or(0, |at| at.saturating_sub(MAX_LINE_BYTES / 8));
        let start = line.floor_char_boundary(start);
        let part = within(&line[start..], MAX_LINE_BYTES);
        let before = if start > 0 { "…" } else { "" };
        let after = if start + part.len() < line.len() { "…" } else { "" };
        let (text, marked_text) = match at.and_then(|at| part.split_at_checked(at - start)) {
            Some((text, rest)) => {
                (format!("{before}{}", shown(text)), Some(format!("{}{after}", shown(rest))))
            }
            None => (format!("{before}{}{after}", shown(part)), None),
        };
        Self { number, text, marked_text, is_marked }
    }
}

fn is_too_long(line: &str) -> bool {
    within(line, MAX_LINE_BYTES).len() < line.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_marked_in_its_line() {
        let lines = SourceLines::new("let a = 1;\na + é;\n", Some(2), Some(5));
        assert_eq!((lines.lines.len(), lines.whole_bytes), (2, None));
        let line = &lines.lines[1];
        assert_eq!((line.number, line.is_marked, &*line.text), (2, true, "a + "));
        assert_eq!(line.marked_text.as_deref(), Some("é;"));
        assert!(!lines.lines[0].is_marked);
        for (line, column) in
            [(Some(u32::MAX), Some(1)), (Some(0), Some(0)), (Some(1), Some(u32::MAX)), (None, Some(3))]
        {
            let lines = SourceLines::new("abc", line, column);
            assert!(lines.lines.iter().all(|line| line.text == "abc" && line.marked_text.is_none()));
        }
    }

    #[test]
    fn long_scripts_are_cut_around_the_error() {
        let source = "x;\n".repeat(200_000);
        let lines = SourceLines::new(&source, Some(100_000), Some(1));
        assert!((100..=SourceLines::MAX_LINES).contains(&lines.lines.len()), "{}", lines.lines.len());
        assert!(lines.lines.iter().any(|line| line.is_marked && line.number == 100_000));
        assert_eq!(lines.whole_bytes, Some(source.len()));
        let wide = format!("{}\n", "x".repeat(1_000)).repeat(2_000);
        let lines = SourceLines::new(&wide, Some(1_000), Some(1));
        assert!(lines.lines.iter().any(|line| line.is_marked && line.number == 1_000));
        let line = "é".repeat(1 << 20);
        let lines = SourceLines::new(&line, None, None);
        assert_eq!(lines.lines[0].text.len(), MAX_LINE_BYTES + "…".len());
        let line = format!("{}?{}", "<".repeat(1 << 20), "é".repeat(1 << 20));
        let lines = SourceLines::new(&line, Some(1), Some((1 << 20) + 1));
        let marked = &lines.lines[0];
        assert!(marked.text.starts_with("…<") && marked.text.ends_with('<'), "{}", marked.text);
        assert!(
            marked.marked_text.as_deref().is_some_and(|text| text.starts_with("?é") && text.ends_with('…'))
        );
        assert!(marked.text.len() < MAX_LINE_BYTES);
    }
}
