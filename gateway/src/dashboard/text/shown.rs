use std::fmt::{self, Write};

/// A text from a script, a caller or a worker as it is shown: control characters as signs, and characters that change the
/// direction of what follows by their names. It is escaped like any other text.
#[derive(Debug, Clone, Copy)]
pub(in crate::dashboard) struct Shown<'a>(pub(in crate::dashboard) &'a str);

/// [`Shown`], as a text.
pub(in crate::dashboard) fn shown(text: &str) -> String {
    Shown(text).to_string()
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(is_hidden) {
            let (before, behind) = rest.split_at(at);
            f.write_str(before)?;
            let mut chars = behind.chars();
            match chars.next() {
                Some(c @ '\0'..='\x1f') => {
                    f.write_char(char::from_u32(0x2400 + u32::from(c)).unwrap_or(c))?;
                }
                Some('\x7f') => f.write_char('\u{2421}')?,
                Some(c) => write!(f, "[U+{:04X}]", u32::from(c))?,
                None => {}
            }
            rest = chars.as_str();
        }
        f.write_str(rest)
    }
}

/// The longest beginning of a text that takes at most `max_bytes` in a page, where some characters are written as several.
pub(in crate::dashboard) fn within(text: &str, max_bytes: usize) -> &str {
    let mut bytes = 0;
    let mut chars = text.char_indices();
    let end = chars.find(|(_, c)| {
        bytes += html_len(*c);
        bytes > max_bytes
    });
    end.map_or(text, |(end, _)| &text[..end])
}

/// How many bytes a text takes in a page.
pub(in crate::dashboard) fn html_bytes(text: &str) -> usize {
    text.chars().map(html_len).sum()
}

fn html_len(c: char) -> usize {
    match c {
        '<' | '>' | '&' | '"' | '\'' => "&#60;".len(),
        c if !is_hidden(c) => c.len_utf8(),
        '\0'..='\x1f' | '\x7f' => '\u{2400}'.len_utf8(),
        _ => "[U+0000]".len(),
    }
}

/// Whether a character can't be seen, and could make others be seen elsewhere. Line ends and tabs are as they are.
fn is_hidden(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{61c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' => true,
        c => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_in_a_page_is_that_of_the_written_text() {
        for text in ["", "plain é 漢字", "<b>\"x\" & 'y'</b>", "a\0\x1b\x7f\u{202e}\u{85}\n"] {
            let mut html = String::new();
            askama::filters::Escaper::write_escaped_str(&askama::filters::Html, &mut html, &shown(text))
                .expect("a text");
            assert_eq!(html_bytes(text), html.len(), "{html}");
            for max in 0..=html.len() {
                let begin = within(text, max);
                assert!(text.starts_with(begin) && html_bytes(begin) <= max);
            }
            assert_eq!(within(text, html.len()), text);
        }
        assert_eq!([within("a<b", 5), within("a<b", 6)], ["a", "a<"]);
    }

    #[test]
    fn hidden_characters_are_shown() {
        assert_eq!(shown("a\0b\x1b[2Jc\r\n\td\x7f"), "a␀b␛[2Jc␍\n\td␡");
        assert_eq!(shown("abc\u{202e}txt.exe\u{200b}\u{85}"), "abc[U+202E]txt.exe[U+200B][U+0085]");
        assert_eq!(shown("שלום 漢字 é"), "שלום 漢字 é");
        assert_eq!(shown(""), "");
    }
}
