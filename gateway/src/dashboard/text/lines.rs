use super::shown;

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
    /// As many bytes as are shown.
    const MAX_BYTES: usize = 32 * 1024;
    /// As many bytes as are shown of one line.
    const MAX_LINE_BYTES: usize = 2 * 1024;

    /// The lines of `source`; the one with the number `line` is marked, from the character `column` on.
    pub(in crate::dashboard) fn new(source: &str, line: Option<u32>, column: Option<u32>) -> Self {
        let marked = line.and_then(|line| usize::try_from(line).ok());
        let column = column.and_then(|column| usize::try_from(column).ok()?.checked_sub(1));
        let first = marked.map_or(0, |line| line.saturating_sub(Self::MAX_LINES / 2));
        let (mut bytes, mut is_all, mut lines) = (0, first == 0, Vec::new());
        for (index, text) in source.lines().enumerate().skip(first) {
            let cut = &text[..text.floor_char_boundary(Self::MAX_LINE_BYTES)];
            bytes += cut.len() + 1;
            if lines.len() >= Self::MAX_LINES || bytes > Self::MAX_BYTES {
                is_all = false;
                break;
            }
            is_all &= cut.len() == text.len();
            let number = index + 1;
            let is_marked = marked == Some(number);
            let at = column.filter(|_| is_marked).and_then(|column| cut.char_indices().nth(column));
            let (text, marked_text) = match at {
                Some((at, _)) => (shown(&cut[..at]), Some(shown(&cut[at..]))),
                None => (shown(cut), None),
            };
            lines.push(SourceLine { number, text, marked_text, is_marked });
        }
        Self { lines, whole_bytes: (!is_all).then_some(source.len()) }
    }
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
            [(Some(9), Some(1)), (Some(0), Some(0)), (Some(1), Some(u32::MAX)), (None, Some(3))]
        {
            let lines = SourceLines::new("abc", line, column);
            assert!(lines.lines.iter().all(|line| line.text == "abc" && line.marked_text.is_none()));
        }
    }

    #[test]
    fn long_scripts_are_cut_around_the_error() {
        let source = "x;\n".repeat(200_000);
        let lines = SourceLines::new(&source, Some(100_000), Some(1));
        assert_eq!(lines.lines.len(), SourceLines::MAX_LINES);
        assert!(lines.lines.iter().any(|line| line.is_marked && line.number == 100_000));
        assert_eq!(lines.whole_bytes, Some(source.len()));
        let line = "é".repeat(1 << 20);
        assert_eq!(SourceLines::new(&line, None, None).lines[0].text.len(), SourceLines::MAX_LINE_BYTES);
    }
}
