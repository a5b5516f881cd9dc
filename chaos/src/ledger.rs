use std::collections::HashMap;
use std::io;
use std::path::Path;

use rhai_dispatcher::{RhaiTaskDetails, TaskId};
use rhai_dispatcher_test_redis::CLOCK_OFFSET;

use crate::append_log::AppendLog;
use crate::{PREFIX, TaskKind};

/// Every write to a record that the server has in its append-only file.
#[derive(Debug)]
pub struct Ledger {
    log: AppendLog,
    records: HashMap<TaskId, RecordStory>,
    /// Records without an outcome.
    open: usize,
    /// How far the server's clock is ahead of that of the processes, in milliseconds.
    clock_offset: i64,
}

/// The writes to one record.
#[derive(Debug, Default)]
pub struct RecordStory {
    /// What the task does.
    pub kind: Option<TaskKind>,
    /// Each terminal write, and when it was.
    pub terminals: Vec<(String, u64)>,
    /// When it was claimed, each time: the worker may have died before it noted the start.
    pub claims: Vec<u64>,
    /// Whether it was deleted.
    pub deleted: bool,
}

impl RecordStory {
    /// Whether it has no outcome yet.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.terminals.is_empty() && !self.deleted
    }

    /// When the outcome was written.
    #[must_use]
    pub fn ended_at(&self) -> Option<u64> {
        self.terminals.first().map(|(_, at)| *at)
    }
}

impl Ledger {
    /// The ledger of a server that works in `directory`.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self { log: AppendLog::new(directory), records: HashMap::new(), open: 0, clock_offset: 0 }
    }

    /// Reads the writes since the last call.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&mut self) -> io::Result<()> {
        for words in self.log.read()? {
            let name = words.first().map(|name| name.to_ascii_uppercase()).unwrap_or_default();
            match name.as_slice() {
                b"HSET" | b"HMSET" | b"HSETNX" => {
                    let Some(id) = words.get(1).and_then(|key| record_id(key)) else { continue };
                    self.write(id, &words[2..]);
                }
                b"SET" if words.get(1).is_some_and(|key| key == CLOCK_OFFSET.as_bytes()) => {
                    let seconds =
                        words.get(2).and_then(|text| std::str::from_utf8(text).ok()?.parse::<i64>().ok());
                    self.clock_offset = seconds.unwrap_or_default() * 1_000;
                }
                b"DEL" | b"UNLINK" => {
                    for id in words.iter().skip(1).filter_map(|key| record_id(key)) {
                        self.delete(id);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The length of the file, in bytes.
    ///
    /// # Errors
    /// What the system says.
    pub fn size(&self) -> io::Result<u64> {
        self.log.size()
    }

    /// Drops the writes beyond `size`, in the file too. The server must not run.
    ///
    /// # Errors
    /// What the system says.
    pub fn truncate(&mut self, size: u64) -> io::Result<()> {
        self.log.truncate(size)?;
        self.records.clear();
        self.open = 0;
        self.clock_offset = 0;
        Ok(())
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> &HashMap<TaskId, RecordStory> {
        &self.records
    }

    /// How many records have no outcome.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open
    }

    fn write(&mut self, id: TaskId, fields: &[Vec<u8>]) {
        // By the clock of the processes.
        let clock_offset = self.clock_offset;
        let time = |text: &str| text.parse::<u64>().ok()?.checked_add_signed(-clock_offset);
        let record = self.records.entry(id).or_insert_with(|| {
            self.open += 1;
            RecordStory::default()
        });
        let text = |name: &str| {
            let pairs = fields.chunks_exact(2);
            let value = pairs.filter(|pair| pair[0] == name.as_bytes()).map(|pair| &pair[1]).next_back();
            value.map(|value| String::from_utf8_lossy(value).into_owned())
        };
        if let Some(kind) = text("context_id") {
            record.kind = TaskKind::named(&kind);
        }
        if text("status").as_deref() == Some("processing") {
            // Instance, delivery, time.
            let started_at = text("claim").and_then(|claim| time(claim.split(' ').nth(2)?));
            record.claims.extend(started_at);
        }
        if let Some(outcome) = outcome_of(text) {
            let at = text("updated_at").and_then(|at| time(&at)).unwrap_or_default();
            if record.terminals.is_empty() {
                self.open -= 1;
            }
            record.terminals.push((outcome, at));
        }
    }

    fn delete(&mut self, id: TaskId) {
        if let Some(record) = self.records.get_mut(&id)
            && !record.deleted
        {
            record.deleted = true;
            if record.terminals.is_empty() {
                self.open -= 1;
            }
        }
    }
}

/// A text that differs for different outcomes, from the fields of a record; none if they have no outcome.
pub(crate) fn outcome_of(field: impl Fn(&str) -> Option<String>) -> Option<String> {
    let status = field("status")?;
    let text = |name| field(name).unwrap_or_default();
    match status.as_str() {
        "completed" => Some(format!("completed {}", text("output"))),
        "error" => Some(format!("error {} {}", text("error_kind"), text("error"))),
        "cancelled" => Some(format!("cancelled {}", text("cancel_reason"))),
        _ => None,
    }
}

/// The same text for the outcome that a waiter received.
pub(crate) fn outcome_told(details: &RhaiTaskDetails) -> String {
    outcome_of(|field| match field {
        "status" => Some(details.status.as_str().to_owned()),
        "output" => details.output.as_ref().map(|output| output.as_json().as_str().to_owned()),
        "error_kind" => details.error.as_ref().map(|error| error.kind.as_str().to_owned()),
        "error" => details.error.as_ref().map(|error| error.message.clone()),
        "cancel_reason" => details.cancel_reason.map(|reason| reason.as_str().to_owned()),
        _ => None,
    })
    .unwrap_or_else(|| format!("no outcome: {}", details.status))
}

fn record_id(key: &[u8]) -> Option<TaskId> {
    let id = std::str::from_utf8(key).ok()?.strip_prefix(PREFIX)?.strip_prefix(':')?;
    id.parse().ok()
}
