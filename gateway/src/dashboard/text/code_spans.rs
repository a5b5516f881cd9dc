use std::fmt;

use askama::filters::{Escaper, Html, HtmlSafe};

/// A text of which what stands between two backticks is shown as code: a command, for example.
#[derive(Debug, Clone, Copy)]
pub(in crate::dashboard) struct CodeSpans<'a>(&'a str);

/// The text as a template takes it.
pub(in crate::dashboard) fn code_spans(text: &str) -> CodeSpans<'_> {
    CodeSpans(text)
}

/// Its texts are escaped here.
impl HtmlSafe for CodeSpans<'_> {}

impl fmt::Display for CodeSpans<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        // One without another one is itself.
        while let Some((before, (code, behind))) =
            rest.split_once('`').and_then(|(before, rest)| Some((before, rest.split_once('`')?)))
        {
            Html.write_escaped_str(&mut *f, before)?;
            f.write_str("<code>")?;
            Html.write_escaped_str(&mut *f, code)?;
            f.write_str("</code>")?;
            rest = behind;
        }
        Html.write_escaped_str(f, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_between_backticks_is_code_and_escaped() {
        for (text, html) in [
            ("", ""),
            ("a & b", "a &#38; b"),
            ("try `run <x>`, or `y`.", "try <code>run &#60;x&#62;</code>, or <code>y</code>."),
            ("one ` alone <", "one ` alone &#60;"),
            ("`a` and ` b", "<code>a</code> and ` b"),
        ] {
            assert_eq!(code_spans(text).to_string(), html);
        }
    }
}
