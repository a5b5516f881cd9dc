use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::AuditEntry;
use super::audit_file::AuditFile;
use crate::config::GatewayConfig;

/// Who did what, and when. It is kept in memory, and in a file if it has one.
#[derive(Debug)]
pub(crate) struct AuditLog {
    max_entries: usize,
    recent: Mutex<Recent>,
    /// To the thread that writes the file.
    file: Option<mpsc::Sender<ToWrite>>,
}

/// What the thread that writes the file is given.
#[derive(Debug)]
enum ToWrite {
    Entry(Arc<AuditEntry>),
    /// Told when all before it is written.
    Flush(oneshot::Sender<()>),
}

#[derive(Debug, Default)]
struct Recent {
    entries: VecDeque<Arc<AuditEntry>>,
    /// The number of the next entry, from 0.
    next: u64,
}

/// How many entries may wait to be written; then whatever adds one waits.
const QUEUE: usize = 1_000;

impl AuditLog {
    /// In memory only.
    pub(crate) fn in_memory(config: &GatewayConfig) -> Self {
        Self { max_entries: config.max_audit_entries, recent: Mutex::default(), file: None }
    }

    /// Also in a file, whose newest entries are read.
    ///
    /// # Errors
    /// If the file can't be read or written, or the system gives no thread.
    pub(crate) fn open(path: PathBuf, config: &GatewayConfig) -> io::Result<Self> {
        let mut file = AuditFile::new(path, config.max_audit_bytes, config.max_audit_files);
        let entries: VecDeque<_> = file.read(config.max_audit_entries)?.into_iter().map(Arc::new).collect();
        // A file that can't be written is an error now, and not when the first entry is lost.
        file.append(&[])?;
        let next = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let (sender, receiver) = mpsc::channel(QUEUE);
        thread::Builder::new().name("rhaid-audit".to_owned()).spawn(move || write(file, receiver))?;
        let recent = Mutex::new(Recent { entries, next });
        Ok(Self { max_entries: config.max_audit_entries, recent, file: Some(sender) })
    }

    /// Adds an entry. It waits while many others wait to be written.
    pub(crate) async fn add(&self, entry: AuditEntry) {
        let entry = Arc::new(entry);
        {
            let mut recent = self.lock();
            recent.next += 1;
            recent.entries.push_back(Arc::clone(&entry));
            while recent.entries.len() > self.max_entries {
                recent.entries.pop_front();
            }
        }
        if let Some(file) = &self.file
            && file.send(ToWrite::Entry(entry)).await.is_err()
        {
            tracing::error!("an audit entry is not in the file: the thread that writes it has ended");
        }
    }

    /// Waits until all entries are in the file: the process may end after it.
    pub(crate) async fn flush(&self) {
        /// A disk that does not answer must not keep the process from ending.
        const LONGEST: Duration = Duration::from_secs(5);
        let Some(file) = &self.file else { return };
        let (told, written) = oneshot::channel();
        let flush = async {
            // Its error was told when the last entry was added.
            let _ = file.send(ToWrite::Flush(told)).await;
            let _ = written.await;
        };
        if timeout(LONGEST, flush).await.is_err() {
            tracing::error!(
                "the last audit entries may not be in the file: it was not written in {LONGEST:?}"
            );
        }
    }

    /// At most `most` entries before the number `before`, the newest first, each with its number. Without it the newest of
    /// all.
    pub(crate) fn list(&self, before: Option<u64>, most: usize) -> Vec<(u64, Arc<AuditEntry>)> {
        let recent = self.lock();
        let newest = (0..recent.next).rev().zip(recent.entries.iter().rev());
        let wanted = newest.skip_while(|(number, _)| before.is_some_and(|before| *number >= before));
        wanted.take(most).map(|(number, entry)| (number, Arc::clone(entry))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        // Nothing panics while it holds the lock.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes entries until the log is gone.
fn write(mut file: AuditFile, mut queue: mpsc::Receiver<ToWrite>) {
    let (mut line, mut was_wrong) = (Vec::new(), false);
    while let Some(next) = queue.blocking_recv() {
        let entry = match next {
            ToWrite::Entry(entry) => entry,
            ToWrite::Flush(told) => {
                // It may have waited long enough.
                let _ = told.send(());
                continue;
            }
        };
        line.clear();
        // Nothing of it fails to be JSON: its keys are texts. A line break in a text is an escape.
        let _ = serde_json::to_writer(&mut line, &*entry);
        line.push(b'\n');
        match file.append(&line) {
            Ok(()) => was_wrong = false,
            Err(error) => {
                if !std::mem::replace(&mut was_wrong, true) {
                    tracing::error!(%error, "audit entries are not in the file, which can't be written");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rhai_dispatcher::transport::WallTime;

    use super::*;

    fn entry(number: u64) -> AuditEntry {
        AuditEntry {
            at: WallTime::from_millis(number),
            caller_id: Some("ann\n".into()),
            token_id: None,
            address: "127.0.0.1".parse().expect("an address"),
            action: "task.cancel".into(),
            target: Some(number.to_string().into()),
            detail: None,
        }
    }

    fn targets(log: &AuditLog, before: Option<u64>, most: usize) -> Vec<String> {
        log.list(before, most)
            .into_iter()
            .filter_map(|(_, entry)| entry.target.as_deref().map(str::to_owned))
            .collect()
    }

    #[tokio::test]
    async fn entries_are_bounded_and_read_in_pages() {
        let log = AuditLog::in_memory(&GatewayConfig::default().with_max_audit_entries(4));
        for number in 0..6 {
            log.add(entry(number)).await;
        }
        assert_eq!(targets(&log, None, 2), ["5", "4"]);
        assert_eq!(targets(&log, Some(4), 10), ["3", "2"]);
        assert_eq!(targets(&log, Some(2), 10), Vec::<String>::new());
    }

    #[tokio::test]
    async fn line_that_was_cut_short_costs_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.jsonl");
        let config = GatewayConfig::default();
        let first = AuditLog::open(path.clone(), &config).expect("a log");
        first.add(entry(1)).await;
        first.flush().await;
        // What a machine leaves that loses its power while it writes.
        let mut bytes = std::fs::read(&path).expect("the file");
        bytes.extend_from_slice(b"\xff\0{\"at\":");
        std::fs::write(&path, bytes).expect("written");
        let second = AuditLog::open(path.clone(), &config).expect("a log");
        second.add(entry(2)).await;
        second.flush().await;
        let third = AuditLog::open(path, &config).expect("a log");
        assert_eq!(targets(&third, None, 10), ["2", "1"]);
    }

    #[tokio::test]
    async fn files_are_renamed_when_they_are_full_and_read_at_the_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log/audit.jsonl");
        let config = GatewayConfig::default().with_max_audit_bytes(400).with_max_audit_files(3);
        let log = AuditLog::open(path.clone(), &config).expect("a log");
        for number in 0..50 {
            log.add(entry(number)).await;
        }
        log.flush().await;
        assert!(std::fs::read_to_string(&path).is_ok_and(|text| text.contains("\"49\"")));
        let files = || {
            let mut files: Vec<_> = std::fs::read_dir(folder.path().join("log"))
                .expect("the folder")
                .map(|file| file.expect("a file").file_name().into_string().expect("UTF-8"))
                .collect();
            files.sort();
            files
        };
        assert_eq!(files(), ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]);
        let again = AuditLog::open(path.clone(), &config).expect("a log");
        assert_eq!(targets(&again, None, 2), ["49", "48"]);
        assert!(std::fs::metadata(&path).expect("the file").len() > 0);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);
        }
    }
}
