use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rhai_dispatcher::TaskId;
use serde::{Deserialize, Serialize};

use crate::TaskKind;

/// The file in which all processes of a round note what they see, a line of JSON each.
///
/// A line is one write at the end of the file, so lines don't mix, and what was noted stays when
/// its writer is killed.
#[derive(Debug, Clone)]
pub struct Journal {
    file: Arc<File>,
    path: PathBuf,
}

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// When, in milliseconds of the epoch; all processes and the server share one machine's clock.
    pub at: u64,
    /// The process id of its writer.
    pub pid: u32,
    /// The event.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A worker runs a task.
    Started {
        /// The task.
        task: TaskId,
        /// Its delivery number, as the script sees it.
        delivery: i64,
    },
    /// A task was accepted.
    Accepted {
        /// The task.
        task: TaskId,
        /// What it does.
        kind: TaskKind,
    },
    /// A wait for its outcome has begun.
    Waiting {
        /// The task.
        task: TaskId,
    },
    /// A waiter was told the outcome.
    Outcome {
        /// The task.
        task: TaskId,
        /// A text that differs for different outcomes.
        outcome: String,
    },
    /// A waiter was told that the server has lost the task.
    Lost {
        /// The task.
        task: TaskId,
    },
    /// A wait ended with its timeout.
    TimedOut {
        /// The task.
        task: TaskId,
    },
    /// All of a burst is accepted and waits; the queue, which was paused, continues now.
    Loosed {},
    /// A call failed, and is repeated.
    Failed {
        /// The error.
        error: String,
    },
}

impl Journal {
    /// The journal at `path`, which may be new.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file: Arc::new(file), path: path.to_owned() })
    }

    /// Notes `event`, now.
    ///
    /// # Panics
    /// If it can't be written: a run with incomplete notes proves nothing.
    pub fn note(&self, event: Event) {
        let entry = Entry { at: now(), pid: std::process::id(), event };
        let mut line = serde_json::to_string(&entry).expect("an event has a JSON form");
        line.push('\n');
        (&*self.file).write_all(line.as_bytes()).expect("the journal can be written");
    }

    /// Reads it from the beginning, as it grows.
    ///
    /// # Errors
    /// What the system says.
    pub fn tail(&self) -> io::Result<Tail> {
        Ok(Tail { file: File::open(&self.path)?, offset: 0 })
    }
}

/// Reads a journal as it grows.
#[derive(Debug)]
pub struct Tail {
    file: File,
    offset: u64,
}

impl Tail {
    /// The entries since the last call.
    ///
    /// # Errors
    /// What the system says; a line that is not an entry is an error too.
    pub fn read(&mut self) -> io::Result<Vec<Entry>> {
        self.file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.offset += whole as u64;
        let lines = bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).map_err(io::Error::from)).collect()
    }
}

/// The time, in milliseconds of the epoch.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
