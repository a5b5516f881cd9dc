use std::io::{self, ErrorKind, Write};
use std::ops::ControlFlow;

use serde::Serialize;

use super::Console;
use crate::exit::Exit;

/// Standard output: results, and nothing else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Results {
    console: Console,
}

impl Results {
    /// Says on `console` what goes wrong.
    pub(crate) const fn new(console: Console) -> Self {
        Self { console }
    }

    /// Prints a line. `Break` if standard output takes no more, which is said unless it was closed.
    pub(crate) fn line(&self, text: impl Into<String>) -> ControlFlow<()> {
        let mut line = text.into();
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

    /// Prints lines, all there is to print.
    pub(crate) fn lines(&self, lines: impl IntoIterator<Item = String>) -> Exit {
        match lines.into_iter().try_for_each(|line| self.line(line)) {
            ControlFlow::Continue(()) => Exit::Success,
            ControlFlow::Break(()) => Exit::Failure,
        }
    }
}

/// One line of JSON.
pub(crate) fn json(value: &impl Serialize) -> String {
    // Nothing that is printed has maps with other keys than strings, or a `Serialize` that fails.
    serde_json::to_string(value).unwrap_or_default()
}
