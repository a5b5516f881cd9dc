use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use crate::{Crash, CrashTable};

/// A table in memory without a name, which child processes inherit.
#[derive(Debug)]
pub(crate) struct TableMemory {
    file: File,
}

impl TableMemory {
    /// With slots for as many lanes as a child may have.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { file: nameless_file()? })
    }

    /// Makes it an empty table, for the next child. No process may have it mapped.
    pub(crate) fn clear(&self) -> io::Result<()> {
        CrashTable::format(&self.file, CrashTable::MAX_LANES)
    }

    /// What the child left, if it died while its instance was attached.
    pub(crate) fn read(&self) -> Option<Crash> {
        CrashTable::read(&self.file)
            .inspect_err(|error| tracing::error!(%error, "what the worker process noted can't be read"))
            .ok()
            .flatten()
    }

    /// Where a child finds it.
    pub(crate) fn path(&self) -> String {
        let directory = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
        format!("{directory}/{}", self.file.as_raw_fd())
    }
}

/// A file that child processes inherit.
#[cfg(target_os = "linux")]
fn nameless_file() -> io::Result<File> {
    let memory = rustix::fs::memfd_create("rhai-crash-table", rustix::fs::MemfdFlags::empty())?;
    Ok(memory.into())
}

/// A file that child processes inherit.
#[cfg(not(target_os = "linux"))]
fn nameless_file() -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("rhai-crash-table-{}", uuid::Uuid::new_v4()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty())?;
    Ok(file)
}
