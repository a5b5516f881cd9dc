use std::time::Duration;

use rhai_dispatcher::activity::{ActivityEntry, ErrorGroup};

use super::table::{Column, Table};
use super::visible::Visible;

/// Entries of the activity as a table.
pub(crate) struct ActivityTable(Table<8>);

impl ActivityTable {
    pub(crate) fn new(entries: &[ActivityEntry]) -> Self {
        use Column::{Number, Text};
        let columns = [
            Text("ENDED"),
            Text("STATUS"),
            Text("WORKER"),
            Text("TASK"),
            Number("WAITED"),
            Number("RAN"),
            Text("RUNS"),
            Text("REASON"),
        ];
        let mut table = Table::new(columns);
        entries.iter().for_each(|entry| table.row(cells(entry)));
        Self(table)
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.0.lines()
    }
}

/// One entry on a line of its own.
pub(crate) fn activity_line(entry: &ActivityEntry) -> String {
    let [ended, status, worker, task, waited, ran, runs, reason] = cells(entry);
    format!("{ended}  {status:<9}  {worker}  {task}  {waited:>6}  {ran:>6}  {runs}  {reason}")
        .trim_end()
        .to_owned()
}

/// Groups of errors as a table.
pub(crate) fn error_table(groups: &[ErrorGroup]) -> Table<8> {
    use Column::{Number, Text};
    let mut table = Table::new([
        Number("COUNT"),
        Text("KIND"),
        Text("FINGERPRINT"),
        Text("FIRST"),
        Text("LAST"),
        Text("LAST TASK"),
        Text("RUNS"),
        Text("MESSAGE"),
    ]);
    for group in groups {
        let runs = group.method.as_ref().map(|method| method.as_str()).or(group.script_name.as_deref());
        table.row([
            group.count.to_string(),
            group.error.kind.to_string(),
            group.fingerprint.to_string()[..8].to_owned(),
            group.first.to_string(),
            group.last.to_string(),
            group.task_id.to_string(),
            short(runs.unwrap_or("-"), NAME_WIDTH),
            short(&group.error.message, MESSAGE_WIDTH),
        ]);
    }
    table
}

/// How many characters of a name and of a message are shown. JSON has all of them.
const NAME_WIDTH: usize = 40;
const MESSAGE_WIDTH: usize = 100;

fn cells(entry: &ActivityEntry) -> [String; 8] {
    let runs = entry.method.as_ref().map(|method| method.as_str()).or(entry.script_name.as_deref());
    let reason = match (&entry.error, entry.cancel_reason) {
        (Some(error), _) => short(&format!("{}: {}", error.kind, error.message), MESSAGE_WIDTH),
        (None, Some(reason)) => reason.to_string(),
        (None, None) => String::new(),
    };
    [
        entry.ended_at.to_string(),
        entry.status.to_string(),
        entry.worker_id.to_string(),
        entry.task_id.to_string(),
        entry.queue_time.map_or_else(|| "-".to_owned(), time),
        entry.run_time.map_or_else(|| "-".to_owned(), time),
        short(runs.unwrap_or("-"), NAME_WIDTH),
        reason,
    ]
}

/// A time with three digits or more: `0.12ms`, `1.5ms`, `250ms`, `1.25s`, `61.0s`.
fn time(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    match millis {
        ..1.0 => format!("{millis:.2}ms"),
        ..10.0 => format!("{millis:.1}ms"),
        ..1_000.0 => format!("{millis:.0}ms"),
        ..10_000.0 => format!("{:.2}s", millis / 1e3),
        _ => format!("{:.1}s", millis / 1e3),
    }
}

/// The beginning of a text, on one line.
fn short(text: &str, width: usize) -> String {
    let shown: String = Visible::line(text).to_string();
    match shown.char_indices().nth(width) {
        Some((cut, _)) => format!("{}…", &shown[..cut]),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_that_fits() {
        let shown = |micros| time(Duration::from_micros(micros));
        assert_eq!(
            [7, 1_500, 250_000, 1_250_000, 61_000_000].map(shown),
            ["0.01ms", "1.5ms", "250ms", "1.25s", "61.0s"]
        );
    }

    #[test]
    fn long_text_is_cut_and_has_one_line() {
        assert_eq!(short("a\nb", 10), "a\\nb");
        assert_eq!(short("äöü", 2), "äö…");
    }
}
