use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::sync::Arc;

use rhai_dispatcher::task::Output;
use serde::Serialize;

use super::{Console, Failure, LiveLine, LiveLog, Results, Told, json};
use crate::batch::Ending;
use crate::exit::Exit;

/// Prints the endings of scripts, and counts them.
#[derive(Debug)]
pub(crate) struct Printer {
    console: Console,
    /// The number of scripts.
    count: usize,
    /// Whether records are printed instead of results.
    json: bool,
    /// Whether standard output is a terminal.
    terminal: bool,
    /// The lines of scripts, if they are printed during the run.
    live: Option<LiveLog>,
    /// Whether progress is printed also where standard error is not a terminal.
    prints_progress: bool,
    /// Whether the terminal shows progress in its last line, to be replaced by what comes next.
    shows_progress: bool,
    completed: usize,
    /// The exit code if a script failed.
    failed: Exit,
}

/// The JSON line for a script that has no record.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Refused<'a> {
    script_name: &'a str,
    status: &'static str,
    error: &'a Failure,
}

impl Printer {
    pub(crate) fn new(console: Console, count: usize, json: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            console,
            count,
            json,
            terminal,
            live: None,
            prints_progress: false,
            shows_progress: false,
            completed: 0,
            failed: Exit::Failure,
        }
    }

    /// Prints the lines of scripts during the run, and not when the scripts end.
    pub(crate) fn with_live(mut self, live: LiveLog) -> Self {
        self.live = Some(live);
        self
    }

    /// Prints progress also where standard error is not a terminal.
    pub(crate) fn with_progress(mut self) -> Self {
        self.prints_progress = true;
        self
    }

    /// Waits until a script prints a line, and prints it. Never resolves without [`Self::with_live`].
    pub(crate) async fn print_live(&mut self) {
        let line = match &mut self.live {
            Some(live) => live.next().await,
            None => None,
        };
        match line {
            Some(line) => {
                self.live_line(&line);
                self.drain_live();
            }
            None => std::future::pending().await,
        }
    }

    fn drain_live(&mut self) {
        while let Some(line) = self.live.as_mut().and_then(LiveLog::ready) {
            self.live_line(&line);
        }
    }

    fn live_line(&mut self, line: &LiveLine) {
        self.tell(&line.name, &line.told);
    }

    /// Prints what a script told.
    pub(crate) fn tell(&mut self, name: &Arc<str>, told: &Told) {
        if let Told::Progress(fraction, text) = told {
            if self.console.is_terminal() {
                self.console.show_progress(self.shown_name(name), *fraction, text);
                self.shows_progress = true;
            } else if self.prints_progress {
                self.console.log_progress(self.shown_name(name), *fraction, text);
            }
            return;
        }
        self.clear_progress();
        let name = self.shown_name(name);
        match told {
            Told::Line(level, text) => self.console.log_line(name, *level, text),
            Told::Again(delivery) => self.console.started_again(name, *delivery),
            Told::Lost(lines) => self.console.lines_were_lost(name, *lines),
            Told::Progress(..) => {}
        }
    }

    fn clear_progress(&mut self) {
        if std::mem::take(&mut self.shows_progress) {
            self.console.clear_progress();
        }
    }

    /// The script's name if there are several scripts, so that their lines can be told apart.
    fn shown_name<'a>(&self, name: &'a Arc<str>) -> Option<&'a Arc<str>> {
        (self.count > 1).then_some(name)
    }

    /// Prints an ending. `Break` if standard output can't be written; that is reported unless its reader closed it.
    pub(crate) fn ending(&mut self, ending: &Ending) -> ControlFlow<()> {
        // All lines of the script are in the live log by now.
        self.drain_live();
        self.clear_progress();
        if let Some(details) = &ending.details {
            let name = self.shown_name(&ending.name);
            match self.live {
                None => self.console.log(name, &details.log),
                Some(_) if details.log.is_truncated() => self.console.log_was_full(name),
                Some(_) => {}
            }
        }
        match &ending.failure {
            None => self.completed += 1,
            // Not printed for each script: an interrupt may end thousands, and the caller knows of it.
            Some(_) if ending.interrupted => {}
            Some(failure) => {
                self.failed = failure.exit();
                self.console.failure(&ending.name, ending.text.as_deref(), failure);
            }
        }
        match if self.json { record(ending) } else { result(ending, self.terminal) } {
            Some(line) => Results::new(self.console).line(line),
            None => ControlFlow::Continue(()),
        }
    }

    /// Prints that an interrupt ended the scripts that had not completed.
    pub(crate) fn interrupted(&self) {
        self.console
            .error(format_args!("interrupted: {} of {} scripts completed", self.completed, self.count));
    }

    /// The exit code for all scripts.
    pub(crate) fn finish(&self) -> Exit {
        let failed = self.count - self.completed;
        if failed == 0 {
            return Exit::Success;
        }
        if self.count > 1 {
            self.console.error(format_args!("{failed} of {} scripts failed", self.count));
        }
        self.failed
    }
}

fn result(ending: &Ending, terminal: bool) -> Option<String> {
    if ending.failure.is_some() {
        return None;
    }
    shown(ending.details.as_ref()?.output.as_ref()?, terminal)
}

/// The line for a result. If the script returned nothing, the line is `null`, so that a program reads one line for
/// each script; a terminal gets no line then.
fn shown(output: &Output, terminal: bool) -> Option<String> {
    (!terminal || output.as_json().as_str() != "null").then(|| output.to_string())
}

fn record(ending: &Ending) -> Option<String> {
    match (&ending.details, &ending.failure) {
        (Some(details), _) => Some(json(details)),
        (None, Some(error)) => Some(json(&Refused { script_name: &ending.name, status: "error", error })),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_without_a_result_has_no_line_on_a_terminal() {
        for (json, line) in
            [("0", "0"), ("false", "false"), (r#""""#, ""), (r#""null""#, "null"), ("[null]", "[null]")]
        {
            let output: Output = serde_json::from_str(json).expect("JSON");
            assert_eq!(shown(&output, true).as_deref(), Some(line));
            assert_eq!(shown(&output, false).as_deref(), Some(line));
        }
        let unit: Output = serde_json::from_str("null").expect("JSON");
        assert_eq!(shown(&unit, true), None);
        assert_eq!(shown(&unit, false).as_deref(), Some("null"));
    }
}
