use super::shown;

/// The beginning of a text that may be long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::dashboard) struct Excerpt {
    /// As it is shown.
    pub(in crate::dashboard) text: String,
    /// How many bytes the whole text has, if this is not all of it.
    pub(in crate::dashboard) whole_bytes: Option<usize>,
}

impl Excerpt {
    /// The first `max_bytes` of a text.
    pub(in crate::dashboard) fn of(text: &str, max_bytes: usize) -> Self {
        if text.len() <= max_bytes {
            return Self { text: shown(text), whole_bytes: None };
        }
        let begin = &text[..text.floor_char_boundary(max_bytes)];
        Self { text: format!("{}…", shown(begin)), whole_bytes: Some(text.len()) }
    }

    /// The first line of a text, at most `max_chars` of it.
    pub(in crate::dashboard) fn line(text: &str, max_chars: usize) -> String {
        let line = text.trim_start().lines().next().unwrap_or_default();
        match line.char_indices().nth(max_chars) {
            Some((end, _)) => format!("{}…", shown(&line[..end])),
            None if line.len() < text.trim().len() => format!("{} …", shown(line)),
            None => shown(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(Excerpt::of("abc", 3), Excerpt { text: "abc".into(), whole_bytes: None });
        assert_eq!(Excerpt::of("aéb", 2), Excerpt { text: "a…".into(), whole_bytes: Some(4) });
        assert_eq!(Excerpt::line("\n  one\ntwo", 9), "one …");
        assert_eq!(Excerpt::line("éééé", 2), "éé…");
        assert_eq!(Excerpt::line("", 2), "");
    }
}
