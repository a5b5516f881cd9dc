use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::{Crash, CrashTable, Unreadable};

/// A crash table in a file with a name, for a worker without a supervisor: the next start on that host reads what the
/// last one left.
///
/// The file belongs to one worker at a time, which holds its lock.
#[derive(Debug)]
pub struct CrashFile {
    path: PathBuf,
    file: File,
    crash: Option<Crash>,
}

/// Why a crash file can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrashFileError {
    /// Another worker has it, in this process or another.
    #[error("{} is in use by another worker; give each worker a file of its own", .0.display())]
    InUse(PathBuf),
    /// It is a directory, a device or the like.
    #[error("{} is not a regular file; name one, or a path where there is nothing yet", .0.display())]
    NotAFile(PathBuf),
    /// The system refuses.
    #[error("{} can't be {doing}: {source}; name a file on a local disk that the worker may write", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was to be done.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl CrashFile {
    /// Opens the file, which is made if there is none, locks it, and reads what the last process left. A file that is
    /// not a crash table of this version is renamed to the same name with `.rejected` behind it, which is logged.
    ///
    /// # Errors
    /// See [`CrashFileError`].
    pub fn open(path: &Path) -> Result<Self, CrashFileError> {
        loop {
            let file = Self::lock(path)?;
            // The one that had it before may have renamed it after it was opened here.
            if !is_at(&file, path) {
                continue;
            }
            match CrashTable::read(&file) {
                Ok(crash) => return Ok(Self { path: path.to_owned(), file, crash }),
                Err(Unreadable::Io(source)) => return Err(Self::error(path, "read", source)),
                Err(Unreadable::Format(problem)) => {
                    let mut rejected = path.as_os_str().to_owned();
                    rejected.push(".rejected");
                    let rejected = PathBuf::from(rejected);
                    fs::rename(path, &rejected).map_err(|source| Self::error(path, "renamed", source))?;
                    tracing::warn!(file = %path.display(), problem, kept_as = %rejected.display(), "the crash file is not read");
                }
            }
        }
    }

    /// What the last process left, if it died while its instance was attached.
    #[must_use]
    pub const fn crash(&self) -> Option<&Crash> {
        self.crash.as_ref()
    }

    /// Forgets that, and makes the file the table of a worker with so many lanes.
    ///
    /// # Errors
    /// See [`CrashFileError`].
    pub fn take_over(self, lanes: usize) -> Result<CrashTable, CrashFileError> {
        let Self { path, file, .. } = self;
        CrashTable::format(&file, lanes).map_err(|source| Self::error(&path, "written", source))?;
        CrashTable::map(file).map_err(|source| Self::error(&path, "mapped", source))
    }

    fn lock(path: &Path) -> Result<File, CrashFileError> {
        // Before it is opened: that would wait at a named pipe.
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(CrashFileError::NotAFile(path.to_owned()));
        }
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).map_err(|source| Self::error(path, "opened", source))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(CrashFileError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(Self::error(path, "locked", source)),
        }
    }

    fn error(path: &Path, doing: &'static str, source: io::Error) -> CrashFileError {
        CrashFileError::Io { path: path.to_owned(), doing, source }
    }
}

/// Whether `path` still names the file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let id =
        |metadata: io::Result<fs::Metadata>| metadata.ok().map(|metadata| (metadata.dev(), metadata.ino()));
    id(file.metadata()) == id(fs::metadata(path))
}

/// Whether `path` still names the file.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true // an open file can't be renamed there
}

#[cfg(test)]
mod tests {
    use rhai_dispatcher_core::{InstanceId, RunningTasks, TaskId, WorkerId};

    use super::*;

    /// What a process leaves that is killed while it polls `task`.
    fn leave(path: &Path, instance: InstanceId, task: TaskId) {
        let table = CrashFile::open(path).expect("a free file").take_over(1).expect("a table");
        table.attached(&WorkerId::try_from("w").expect("an id"), instance);
        table.slots()[0].set(task);
    }

    #[test]
    fn the_next_start_learns_what_ran() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("crash");
        assert_eq!(CrashFile::open(&path).expect("a new file").crash(), None);
        let (instance, task) = (InstanceId::new(), TaskId::new());
        leave(&path, instance, task);
        let file = CrashFile::open(&path).expect("a free file");
        let report = &file.crash().expect("it died").report;
        assert_eq!((report.instance, &*report.running), (instance, &[task][..]));
        // Until it is taken over, in case that this start dies, too.
        drop(file);
        let file = CrashFile::open(&path).expect("a free file");
        assert!(file.crash().is_some());
        let table = file.take_over(2).expect("a table");
        assert_eq!(table.slots().len(), 2);
        drop(table);
        assert_eq!(CrashFile::open(&path).expect("a free file").crash(), None);
    }

    #[test]
    fn a_file_is_of_one_worker_at_a_time() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("crash");
        let table = CrashFile::open(&path).expect("a new file").take_over(1).expect("a table");
        let error = CrashFile::open(&path).expect_err("it is in use");
        assert!(matches!(error, CrashFileError::InUse(_)), "{error}");
        assert!(error.to_string().contains("in use by another worker"));
        drop(table);
        CrashFile::open(&path).expect("it is free again");
    }

    #[test]
    fn a_file_of_something_else_is_renamed_and_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("crash");
        let other_version = {
            leave(&path, InstanceId::new(), TaskId::new());
            let mut bytes = fs::read(&path).expect("a table");
            bytes[8] ^= 2;
            bytes
        };
        for content in [b"letters to my heirs".to_vec(), other_version] {
            fs::write(&path, &content).expect("a written file");
            assert_eq!(CrashFile::open(&path).expect("a new file").crash(), None);
            assert_eq!(fs::read(directory.path().join("crash.rejected")).expect("it is kept"), content);
            assert!(fs::read(&path).expect("a new file").is_empty());
        }
    }

    #[test]
    fn what_can_be_no_crash_file_is_refused_by_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let error = CrashFile::open(directory.path()).expect_err("a directory").to_string();
        assert!(error.contains("not a regular file"), "{error}");
        let path = directory.path().join("missing").join("crash");
        let error = CrashFile::open(&path).expect_err("no such directory").to_string();
        assert!(error.contains("missing/crash can't be opened"), "{error}");
    }
}
