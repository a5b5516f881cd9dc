use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::MmapRaw;
use rhai_dispatcher_core::{InstanceId, LaneSlot, RunningTasks, WorkerId};

use crate::crash::{boot_id, read};
use crate::crash_layout::{ATTACHED, DETACHED, HEADER_BYTES, Header, MAGIC, MAX_LANES, SLOT_BYTES, VERSION};
use crate::{Crash, Unreadable};

/// The tasks that the lanes of one worker instance poll, in a file that is mapped into memory.
///
/// The file holds a header and a slot of 64 bytes for each lane, in words of the machine's own order. What a process
/// stores there is in the file at once, also if it is killed in the next moment. Of a header that is being written, the
/// state comes last: a process that is killed at any moment leaves a file that says nothing, or the truth.
#[derive(Debug)]
pub struct CrashTable {
    map: MmapRaw,
    lanes: usize,
    /// Keeps its lock, if it has one.
    _file: File,
}

impl CrashTable {
    /// The most lanes that a table has slots for: 4,096.
    pub const MAX_LANES: usize = MAX_LANES;

    /// Makes `file` an empty table with slots for so many lanes, whatever it held.
    ///
    /// # Errors
    /// If there are more than [`MAX_LANES`](Self::MAX_LANES), or what the system says.
    pub fn format(file: &File, lanes: usize) -> io::Result<()> {
        if lanes > Self::MAX_LANES {
            let problem = format!("{lanes} lanes are more than {}", Self::MAX_LANES);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let mut file = file;
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        // Written out, so that a full disk is an error now, and no signal at a store. The header comes last: a file
        // of zeros is one that nothing was noted in yet.
        file.write_all(&vec![0; HEADER_BYTES + lanes * SLOT_BYTES])?;
        file.seek(SeekFrom::Start(0))?;
        let words = [MAGIC, VERSION, lanes as u64];
        file.write_all(&words.map(u64::to_ne_bytes).concat())
    }

    /// Maps a table that was [formatted](Self::format).
    ///
    /// No other process may shorten the file from now on: a store to a part that is gone kills this process.
    ///
    /// # Errors
    /// If it is not a table, or an error of the system.
    pub fn map(file: File) -> io::Result<Self> {
        let map = MmapRaw::map_raw(&file)?;
        let mut table = Self { map, lanes: 0, _file: file };
        if table.map.len() < HEADER_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is shorter than a crash table"));
        }
        let header = table.header();
        let word = |word: &AtomicU64| word.load(Ordering::Relaxed);
        let lanes = usize::try_from(word(&header.lanes)).unwrap_or(usize::MAX);
        let is_table = word(&header.magic) == MAGIC && word(&header.version) == VERSION;
        if !is_table || lanes > Self::MAX_LANES || table.map.len() != HEADER_BYTES + lanes * SLOT_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it is not a crash table of this version",
            ));
        }
        table.lanes = lanes;
        Ok(table)
    }

    /// What the table in `file` says of the process that had it: nothing if that had detached, or never attached.
    ///
    /// # Errors
    /// If it can't be read, or is not a table of this version.
    pub fn read(file: &File) -> Result<Option<Crash>, Unreadable> {
        read(file)
    }

    fn header(&self) -> &Header {
        self.view().0
    }

    #[expect(unsafe_code, reason = "typed access to mapped memory")]
    fn view(&self) -> (&Header, &[LaneSlot]) {
        let start = self.map.as_mut_ptr();
        // SAFETY: The mapping is of at least HEADER_BYTES + lanes * SLOT_BYTES bytes: `map` compares its length with
        // HEADER_BYTES before the first call, and with the whole before it sets `lanes` to more than 0. It stays until
        // `self.map` is dropped, which the references do not outlive. It begins at a page, and both types have an
        // alignment of 64, of which HEADER_BYTES is a multiple. Both types are `repr(C)` and made of `AtomicU64`
        // alone, so every content is valid, and other threads and processes that change it at the same time only do
        // so through atomics, or by `format`, which is not called while a process has the file mapped.
        unsafe {
            let header = &*start.cast::<Header>();
            let slots = std::slice::from_raw_parts(start.add(HEADER_BYTES).cast::<LaneSlot>(), self.lanes);
            (header, slots)
        }
    }
}

impl RunningTasks for CrashTable {
    fn attached(&self, worker_id: &WorkerId, instance: InstanceId) {
        let (header, slots) = self.view();
        let store = |word: &AtomicU64, value| word.store(value, Ordering::Relaxed);
        // The state is Release, and what is stored before it stands before it: what reads the file after the death of
        // this process never sees half an instance.
        header.state.store(DETACHED, Ordering::SeqCst);
        slots.iter().for_each(LaneSlot::clear);
        let pair = |words: &[AtomicU64; 2], (high, low)| {
            store(&words[0], high);
            store(&words[1], low);
        };
        pair(&header.instance, instance.as_uuid().as_u64_pair());
        pair(&header.boot, boot_id().as_u64_pair());
        let mut bytes = [0; WorkerId::MAX_BYTES];
        let text = worker_id.as_str().as_bytes();
        bytes[..text.len()].copy_from_slice(text);
        store(&header.worker_id_bytes, text.len() as u64);
        for (word, chunk) in header.worker_id.iter().zip(bytes.as_chunks::<8>().0) {
            store(word, u64::from_ne_bytes(*chunk));
        }
        header.state.store(ATTACHED, Ordering::SeqCst);
    }

    fn detached(&self) {
        self.header().state.store(DETACHED, Ordering::SeqCst);
    }

    fn slots(&self) -> &[LaneSlot] {
        self.view().1
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use rhai_dispatcher_core::TaskId;

    use super::*;

    fn table(lanes: usize) -> (File, CrashTable) {
        let file = tempfile::tempfile().expect("a temporary file");
        CrashTable::format(&file, lanes).expect("a table");
        let table = CrashTable::map(file.try_clone().expect("a second handle")).expect("a table");
        (file, table)
    }

    #[test]
    fn a_table_names_what_the_lanes_poll_until_the_instance_detaches() {
        let (file, table) = table(3);
        assert_eq!(CrashTable::read(&file).expect("a table"), None);
        let (worker_id, instance) = (WorkerId::try_from("w".repeat(128)).expect("an id"), InstanceId::new());
        table.attached(&worker_id, instance);
        let tasks = [TaskId::new(), TaskId::new()];
        table.slots()[0].set(tasks[0]);
        table.slots()[2].set(tasks[1]);

        let crash = CrashTable::read(&file).expect("a table").expect("it is attached");
        assert_eq!((&crash.report.worker_id, crash.report.instance), (&worker_id, instance));
        assert_eq!(crash.report.running, tasks);
        assert!(crash.is_of_this_boot);
        table.detached();
        assert_eq!(CrashTable::read(&file).expect("a table"), None);
    }

    #[test]
    fn the_next_instance_has_no_tasks_of_the_last_one() {
        let (file, table) = table(1);
        table.attached(&WorkerId::try_from("long-name").expect("an id"), InstanceId::new());
        table.slots()[0].set(TaskId::new());
        let instance = InstanceId::new();
        table.attached(&WorkerId::try_from("w").expect("an id"), instance);
        let crash = CrashTable::read(&file).expect("a table").expect("it is attached");
        assert_eq!((crash.report.worker_id.as_str(), crash.report.instance), ("w", instance));
        assert_eq!(crash.report.running, []);
    }

    #[test]
    fn a_formatting_that_was_cut_off_says_nothing() {
        let (file, _) = table(2);
        let length = (HEADER_BYTES + 2 * SLOT_BYTES) as u64;
        for cut in [0, 1, HEADER_BYTES as u64, length] {
            file.set_len(0).expect("an empty file");
            file.set_len(cut).expect("a file of zeros");
            assert_eq!(CrashTable::read(&file).expect("nothing was noted"), None);
        }
    }

    #[test]
    fn an_instance_of_an_earlier_start_of_the_system_is_told_apart() {
        let (file, table) = table(1);
        table.attached(&WorkerId::try_from("w").expect("an id"), InstanceId::new());
        file.write_all_at(&[7; 16], 6 * 8).expect("another boot id");
        assert!(!CrashTable::read(&file).expect("a table").expect("it is attached").is_of_this_boot);
    }

    #[test]
    fn what_is_no_table_is_not_trusted() {
        let attached = || {
            let (file, table) = table(1);
            table.attached(&WorkerId::try_from("w").expect("an id"), InstanceId::new());
            file
        };
        let word = |index: u64, value: u64| {
            let file = attached();
            file.write_all_at(&value.to_ne_bytes(), index * 8).expect("a changed word");
            file
        };
        let cut = |length| {
            let file = attached();
            file.set_len(length).expect("another length");
            file
        };
        let length = (HEADER_BYTES + SLOT_BYTES) as u64;
        for (what, file) in [
            ("another magic", word(0, 1)),
            ("another version", word(1, VERSION + 1)),
            ("too many lanes", word(2, u64::MAX)),
            ("other lanes than slots", word(2, 2)),
            ("an unknown state", word(3, 2)),
            ("a worker id of no characters", word(8, 0)),
            ("a worker id of too many", word(8, u64::MAX)),
            ("a worker id of bad characters", word(9, u64::MAX)),
            ("no header", cut(8)),
            ("half a slot", cut(length - 1)),
            ("a byte too much", cut(length + 1)),
            ("far too much", cut(crate::crash_layout::MAX_BYTES as u64 * 1_000)),
        ] {
            assert!(CrashTable::read(&file).is_err(), "{what}");
        }
        assert!(CrashTable::map(word(1, VERSION + 1)).is_err());
        assert!(CrashTable::map(word(2, 2)).is_err());
        assert!(CrashTable::map(cut(8)).is_err());
    }

    #[test]
    fn more_lanes_than_a_table_may_have_are_refused() {
        let file = tempfile::tempfile().expect("a temporary file");
        assert!(CrashTable::format(&file, CrashTable::MAX_LANES + 1).is_err());
    }
}
