use super::{shown, within};

/// The beginning of a text that may be long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::dashboard) struct Excerpt {
    /// As it is shown.
    pub(in crate::dashboard) text: String,
    /// How many bytes the whole text has, if this is not all of it.
    pub(in crate::dashboard) whole_bytes: Option<usize>,
}

impl Excerpt {
    /// As much of a text as takes `max_bytes` in a page.
    pub(in crate::dashboard) fn of(text: &str, max_bytes: usize) -> Self {
        let begin = within(text, max_bytes);
        if begin.len() < text.len() {
            return Self { text: format!("{}…", shown(begin)), whole_bytes: Some(text.len()) };
        }
        Self { text: shown(text), whole_bytes: None }
    }

    /// The first line of a text, at most `max_chars` of it, and as many as take three bytes each in a page.
    pub(in crate::dashboard) fn line(text: &str, max_chars: usize) -> String {
        let line = text.trim_start().lines().next().unwrap_or_default();
        let most = line.char_indices().nth(max_chars).map_or(line, |(end, _)| &line[..end]);
        let begin = within(most, 3 * max_chars);
        match begin.len() < line.len() {
            true => format!("{}…", shown(begin)),
            false if line.len() < text.trim().len() => format!("{} …", shown(line)),
            false => shown(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let excerpt = |text: &str, whole_bytes| Excerpt { text: text.into(), whole_bytes };
        assert_eq!(Excerpt::of("abc", 3), excerpt("abc", None));
        assert_eq!(Excerpt::of("aéb", 2), excerpt("a…", Some(4)));
        assert_eq!(Excerpt::of("a\0", 4), excerpt("a␀", None));
        assert_eq!(Excerpt::of("<<<", 10).text, "<<…");
        assert_eq!(Excerpt::line("\n  one\ntwo", 9), "one …");
        assert_eq!(Excerpt::line("éééé", 2), "éé…");
        assert_eq!(Excerpt::line("<<<<<<", 5), "<<<…");
        assert_eq!(Excerpt::line("", 2), "");
    }
}
