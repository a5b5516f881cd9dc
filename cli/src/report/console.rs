use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use anstream::{AutoStream, ColorChoice};
use rhai_dispatcher::TaskLog;

use super::{Failure, Snippet, Styles};
use crate::error::CommandError;
use crate::exit::Exit;

/// Standard error: everything that is no result.
///
/// That it can't be written is no reason to stop: the results still count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Console {
    styles: Styles,
}

impl Console {
    /// With colours if it is a terminal that has them, and nobody minds (`NO_COLOR`).
    pub(crate) fn detect() -> Self {
        let plain = AutoStream::choice(&io::stderr()) == ColorChoice::Never;
        Self { styles: if plain { Styles::default() } else { Styles::coloured() } }
    }

    /// Why a command could not do its work.
    pub(crate) fn command_error(&self, error: &CommandError) {
        self.error(error);
        if error.exit() == Exit::Usage {
            write(b"\nFor more information, try '--help'.\n");
        }
    }

    /// One line that is no error.
    pub(crate) fn note(&self, message: impl fmt::Display) {
        write(format!("{message}\n").as_bytes());
    }

    /// One line that begins with the word `error`.
    pub(crate) fn error(&self, message: impl fmt::Display) {
        let Styles { error, .. } = self.styles;
        write(format!("{error}error{error:#}: {message}\n").as_bytes());
    }

    /// Why a script did not complete, and where in it.
    pub(crate) fn failure(&self, name: &str, text: Option<&str>, failure: &Failure) {
        let Styles { error, message, .. } = self.styles;
        let Failure { kind, message: what, .. } = failure;
        let snippet = Snippet::new(name, text, failure.line, failure.column, self.styles);
        write(format!("{error}error[{kind}]{error:#}: {message}{what}{message:#}\n{snippet}\n").as_bytes());
    }

    /// What a script printed, each line after the script's name if there is one.
    pub(crate) fn log(&self, name: Option<&Arc<str>>, log: &TaskLog) {
        let Styles { name: style, .. } = self.styles;
        let prefix = name.map(|name| format!("{style}{name}:{style:#} ")).unwrap_or_default();
        let mut text = String::new();
        let mut push = |line: &str| text.extend([prefix.as_str(), line, "\n"]);
        for line in log.lines() {
            line.text.split('\n').for_each(&mut push);
        }
        if log.is_truncated() {
            push("[what was printed after this is left out: the log is full]");
        }
        write(text.as_bytes());
    }
}

fn write(bytes: &[u8]) {
    let _ = io::stderr().lock().write_all(bytes); // there is nowhere left to say so
}
