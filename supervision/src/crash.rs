use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};

use rhai_dispatcher_core::{CrashReport, InstanceId, LaneSlot, WorkerId};
use uuid::Uuid;

use crate::crash_layout::{
    ATTACHED, DETACHED, HEADER_BYTES, MAGIC, MAX_BYTES, MAX_LANES, SLOT_BYTES, VERSION, WORKER_ID_WORDS,
};

/// What a table says of a process that has died while its instance was attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// What to report.
    pub report: CrashReport,
    /// Whether the system has not been restarted since. After a restart the notes may be older than the death: what was
    /// only in memory is lost.
    pub is_of_this_boot: bool,
}

/// Why a file says nothing of a crash.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// It is not a crash table of this version.
    #[error("{0}")]
    Format(&'static str),
    /// The system does not let it be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads the table in `file`.
pub(crate) fn read(file: &File) -> Result<Option<Crash>, Unreadable> {
    let mut bytes = Vec::new();
    let mut file = file;
    file.seek(SeekFrom::Start(0))?;
    // One more than there may be, to tell a longer one.
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Result<Option<Crash>, Unreadable> {
    if bytes.len() > MAX_BYTES {
        return Err(Unreadable::Format("it is longer than a crash table"));
    }
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(None); // it was being formatted
    }
    if bytes.len() < HEADER_BYTES {
        return Err(Unreadable::Format("it is shorter than a crash table"));
    }
    let (words, _) = bytes.as_chunks::<8>();
    let word = |index: usize| u64::from_ne_bytes(words[index]);
    if word(0) != MAGIC {
        return Err(Unreadable::Format("it is not a crash table"));
    }
    if word(1) != VERSION {
        return Err(Unreadable::Format("it is a crash table of another version"));
    }
    let lanes = usize::try_from(word(2)).ok().filter(|lanes| *lanes <= MAX_LANES);
    if lanes.is_none_or(|lanes| bytes.len() != HEADER_BYTES + lanes * SLOT_BYTES) {
        return Err(Unreadable::Format("its length is not that of its slots"));
    }
    match word(3) {
        DETACHED => return Ok(None),
        ATTACHED => {}
        _ => return Err(Unreadable::Format("its state is unknown")),
    }
    let id = |index| Uuid::from_u64_pair(word(index), word(index + 1));
    let worker_id = usize::try_from(word(8)).ok().and_then(|length| {
        let text = bytes[9 * 8..(9 + WORKER_ID_WORDS) * 8].get(..length)?;
        WorkerId::try_from(str::from_utf8(text).ok()?).ok()
    });
    let Some(worker_id) = worker_id else {
        return Err(Unreadable::Format("its worker id is none"));
    };
    let (slots, _) = words[HEADER_BYTES / 8..].as_chunks::<{ SLOT_BYTES / 8 }>();
    let task = |slot: &[[u8; 8]; SLOT_BYTES / 8]| {
        LaneSlot::task_of(u64::from_ne_bytes(slot[0]), u64::from_ne_bytes(slot[1]))
    };
    let running = slots.iter().filter_map(task).collect();
    let report = CrashReport { worker_id, instance: InstanceId::from_uuid(id(4)), running };
    Ok(Some(Crash { report, is_of_this_boot: id(6) == boot_id() }))
}

/// Which start of the system this is; zero where that can't be known.
pub(crate) fn boot_id() -> Uuid {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.ok().and_then(|id| Uuid::try_parse(id.trim()).ok()).unwrap_or_default()
}
