use std::fmt::Write as _;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::ops::ControlFlow;

use serde::Serialize;

use super::Console;
use super::visible::{Visible, is_hidden};
use crate::exit::Exit;

/// Standard output: results, and nothing else. A terminal gets no control characters; a pipe or a file gets
/// results as they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Results {
    console: Console,
}

impl Results {
    /// Reports errors on `console`.
    pub(crate) const fn new(console: Console) -> Self {
        Self { console }
    }

    /// Prints a line. `Break` if standard output can't be written; that is reported unless its reader closed it.
    pub(crate) fn line(&self, text: impl Into<String>) -> ControlFlow<()> {
        let mut line = text.into();
        if io::stdout().is_terminal() {
            line = Visible::lines(&line).to_string();
        }
        line.push('\n');
        let mut out = io::stdout().lock();
        match out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                // A reader such as `head` has seen enough.
                if error.kind() != ErrorKind::BrokenPipe {
                    self.console.error(format_args!("standard output can't be written: {error}"));
                }
                ControlFlow::Break(())
            }
        }
    }

    /// Prints lines, the whole output of a command.
    pub(crate) fn lines(&self, lines: impl IntoIterator<Item = String>) -> Exit {
        match lines.into_iter().try_for_each(|line| self.line(line)) {
            ControlFlow::Continue(()) => Exit::Success,
            ControlFlow::Break(()) => Exit::Failure,
        }
    }
}

/// One line of JSON. Characters that a terminal acts on are escaped in it.
pub(crate) fn json(value: &impl Serialize) -> String {
    // All printed values have maps with string keys only, and their `Serialize` does not fail.
    let json = serde_json::to_string(value).unwrap_or_default();
    if !json.contains(is_hidden) {
        return json;
    }
    // Such characters occur only within JSON strings.
    let mut escaped = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        match is_hidden(c) {
            true => {
                let _ = write!(escaped, "\\u{:04x}", u32::from(c)); // a write to a string does not fail
            }
            false => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_no_character_that_a_terminal_acts_on() {
        let text = "\u{1b}[31m \u{9b}31m \u{7f} \u{202e} é \n";
        let written = json(&text);
        assert_eq!(written, r#""\u001b[31m \u009b31m \u007f \u202e é \n""#);
        assert_eq!(serde_json::from_str::<String>(&written).ok().as_deref(), Some(text));
    }
}
