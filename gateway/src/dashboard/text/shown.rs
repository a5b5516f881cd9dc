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
    fn hidden_characters_are_shown() {
        assert_eq!(shown("a\0b\x1b[2Jc\r\n\td\x7f"), "a␀b␛[2Jc␍\n\td␡");
        assert_eq!(shown("abc\u{202e}txt.exe\u{200b}\u{85}"), "abc[U+202E]txt.exe[U+200B][U+0085]");
        assert_eq!(shown("שלום 漢字 é"), "שלום 漢字 é");
        assert_eq!(shown(""), "");
    }
}
