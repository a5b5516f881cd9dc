use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use anstream::{AutoStream, ColorChoice};
use rhai_dispatcher::task::{LogLevel, TaskLog};

use super::visible::Visible;
use super::{Failure, Snippet, Styles};
use crate::error::CommandError;
use crate::exit::Exit;

/// Standard error: everything except results.
///
/// Failed writes are ignored, because the results are still useful without the messages.
///
/// Messages never contain control characters. Lines that scripts print keep theirs, except on a terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Console {
    styles: Styles,
    terminal: bool,
}

impl Console {
    /// With colours if standard error is a terminal with colours and `NO_COLOR` is not set.
    pub(crate) fn detect() -> Self {
        let plain = AutoStream::choice(&io::stderr()) == ColorChoice::Never;
        let styles = if plain { Styles::default() } else { Styles::coloured() };
        Self { styles, terminal: io::stderr().is_terminal() }
    }

    /// Why a command could not do its work.
    pub(crate) fn command_error(&self, error: &CommandError) {
        self.error(error);
        if error.exit() == Exit::Usage {
            write(b"\nFor more information, try '--help'.\n");
        }
    }

    /// One line without the word `error`.
    pub(crate) fn note(&self, message: impl fmt::Display) {
        let message = message.to_string();
        write(format!("{}\n", Visible::lines(&message)).as_bytes());
    }

    /// One line that begins with the word `error`.
    pub(crate) fn error(&self, message: impl fmt::Display) {
        let Styles { error, .. } = self.styles;
        let message = message.to_string();
        write(format!("{error}error{error:#}: {}\n", Visible::lines(&message)).as_bytes());
    }

    /// Why a script did not complete, and the place in the script.
    pub(crate) fn failure(&self, name: &str, text: Option<&str>, failure: &Failure) {
        self.problem("error", name, text, failure);
    }

    /// What of a script will fail when it runs, and the place in the script.
    pub(crate) fn warning(&self, name: &str, text: Option<&str>, failure: &Failure) {
        self.problem("warning", name, text, failure);
    }

    fn problem(&self, word: &str, name: &str, text: Option<&str>, failure: &Failure) {
        let Styles { error, message, .. } = self.styles;
        let (kind, what) = (Visible::line(&failure.kind), Visible::lines(&failure.message));
        let snippet = Snippet::new(name, text, failure.line, failure.column, self.styles);
        write(format!("{error}{word}[{kind}]{error:#}: {message}{what}{message:#}\n{snippet}\n").as_bytes());
    }

    /// The log of a script. With a name, each line begins with it.
    pub(crate) fn log(&self, name: Option<&Arc<str>>, log: &TaskLog) {
        write(self.printed(name, log).as_bytes());
    }

    /// The text of one call of `print`, `debug` or `log`, during the run. With a name, each line begins with it.
    pub(crate) fn log_line(&self, name: Option<&Arc<str>>, level: LogLevel, text: &str) {
        write(self.lines(&self.prefix(name), level, text).as_bytes());
    }

    /// One line about how far a script is.
    pub(crate) fn log_progress(&self, name: Option<&Arc<str>>, fraction: f64, text: &str) {
        write(format!("{}progress: {}\n", self.prefix(name), progress(fraction, text)).as_bytes());
    }

    /// The same in place of the last line of the terminal, until [`clear_progress`](Self::clear_progress).
    pub(crate) fn show_progress(&self, name: Option<&Arc<str>>, fraction: f64, text: &str) {
        /// So that it does not become two lines, of which only one could be replaced.
        const WIDTH: usize = 60;
        let shown: String = text.chars().take(WIDTH).collect();
        write(format!("{CLEAR}{}{}", self.prefix(name), progress(fraction, &shown)).as_bytes());
    }

    pub(crate) fn clear_progress(&self) {
        write(CLEAR.as_bytes());
    }

    /// Prints that a task was started again, for example after its worker had died.
    pub(crate) fn started_again(&self, name: Option<&Arc<str>>, delivery: u32) {
        write(format!("{}[started again: delivery {delivery}]\n", self.prefix(name)).as_bytes());
    }

    /// Prints that lines are missing here.
    pub(crate) fn lines_were_lost(&self, name: Option<&Arc<str>>, lines: u32) {
        write(format!("{}[{lines} printed lines are left out here]\n", self.prefix(name)).as_bytes());
    }

    pub(crate) const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Prints that the log was full, for a script whose lines were printed during the run.
    pub(crate) fn log_was_full(&self, name: Option<&Arc<str>>) {
        write(format!("{}{LOG_FULL}", self.prefix(name)).as_bytes());
    }

    fn printed(&self, name: Option<&Arc<str>>, log: &TaskLog) -> String {
        let prefix = self.prefix(name);
        let mut text: String =
            log.lines().iter().map(|line| self.lines(&prefix, line.level, &line.text)).collect();
        if log.is_truncated() {
            text.push_str(&prefix);
            text.push_str(LOG_FULL);
        }
        text
    }

    fn prefix(&self, name: Option<&Arc<str>>) -> String {
        let Styles { name: style, .. } = self.styles;
        name.map(|name| format!("{style}{}:{style:#} ", Visible::line(name))).unwrap_or_default()
    }

    fn lines(&self, prefix: &str, level: LogLevel, printed: &str) -> String {
        let mut text = String::new();
        let level = match level {
            LogLevel::Info | LogLevel::Warn | LogLevel::Error => format!("{}: ", level.as_str()),
            _ => String::new(),
        };
        for line in printed.split('\n') {
            text.push_str(prefix);
            text.push_str(&level);
            match self.terminal {
                true => text.push_str(&Visible::lines(line).to_string()),
                false => text.push_str(line),
            }
            text.push('\n');
        }
        text
    }
}

/// Moves to the beginning of the line and empties it.
const CLEAR: &str = "\r\u{1b}[K";

fn progress(fraction: f64, text: &str) -> String {
    format!("{:.0} % {}", fraction * 100.0, Visible::line(text)).trim_end().to_owned()
}

const LOG_FULL: &str = "[what was printed after this is left out: the log is full (max_log_bytes)]\n";

fn write(bytes: &[u8]) {
    let _ = io::stderr().lock().write_all(bytes); // a failure could only be reported here
}

#[cfg(test)]
mod tests {
    use rhai_dispatcher::task::LogLevel;

    use super::*;

    #[test]
    fn progress_is_one_line_without_control_characters() {
        assert_eq!(progress(0.254, "a\nb\u{1b}[2J"), "25 % a\\nb\\u{1b}[2J");
        assert_eq!(progress(1.0, ""), "100 %");
    }

    #[test]
    fn lines_of_log_have_their_level() {
        let console = Console { styles: Styles::default(), terminal: false };
        assert_eq!(console.lines("a: ", LogLevel::Warn, "one\ntwo"), "a: warn: one\na: warn: two\n");
        assert_eq!(console.lines("", LogLevel::Print, "one"), "one\n");
    }

    #[test]
    fn printed_lines_reach_a_terminal_without_control_characters() {
        let mut log = TaskLog::new();
        log.push(LogLevel::Print, "\u{1b}[2Jone\n\ttwo\u{9b}A", 1000);
        let name = Some(Arc::from("\u{1b}]0;x\u{7}.rhai"));
        let printed = |terminal| Console { styles: Styles::default(), terminal }.printed(name.as_ref(), &log);
        let prefix = "\\u{1b}]0;x\\u{7}.rhai: ";
        assert_eq!(printed(true), format!("{prefix}\\u{{1b}}[2Jone\n{prefix}\ttwo\\u{{9b}}A\n"));
        // A pipe or a file gets the printed text unchanged.
        assert_eq!(printed(false), format!("{prefix}\u{1b}[2Jone\n{prefix}\ttwo\u{9b}A\n"));
    }
}
