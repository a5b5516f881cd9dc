use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::AuditEntry;

/// The file of the audit log, and the full ones before it: `audit.jsonl`, `audit.jsonl.1` and so on.
#[derive(Debug)]
pub(super) struct AuditFile {
    path: PathBuf,
    max_bytes: u64,
    max_files: usize,
    /// The current file and its length, while it can be written.
    current: Option<(File, u64)>,
}

impl AuditFile {
    pub(super) fn new(path: PathBuf, max_bytes: usize, max_files: usize) -> Self {
        let max_bytes = u64::try_from(max_bytes).unwrap_or(u64::MAX);
        Self { path, max_bytes, max_files, current: None }
    }

    /// The newest entries of all files, at most `most`, the oldest first. A line that is not one is left out.
    pub(super) fn read(&self, most: usize) -> io::Result<Vec<AuditEntry>> {
        let mut entries = Vec::new();
        for number in (0..self.max_files).rev() {
            let file = match File::open(self.numbered(number)) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for line in BufReader::new(file).split(b'\n') {
                if let Ok(entry) = serde_json::from_slice(&line?) {
                    entries.push(entry);
                }
            }
            entries.drain(..entries.len().saturating_sub(most));
        }
        Ok(entries)
    }

    /// Appends a line, and begins a new file when the current one is full.
    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let added = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self
            .current
            .as_ref()
            .is_some_and(|(_, len)| *len > 0 && len.saturating_add(added) > self.max_bytes)
        {
            self.current = None;
            self.rotate()?;
        }
        let (file, len) = match &mut self.current {
            Some(current) => current,
            None => {
                let file = self.open()?;
                let len = file.metadata()?.len();
                self.current.insert((file, len))
            }
        };
        let written = file.write_all(line);
        *len = len.saturating_add(added);
        if written.is_err() {
            // It is opened anew for the next line.
            self.current = None;
        }
        written
    }

    fn rotate(&self) -> io::Result<()> {
        for number in (1..self.max_files).rev() {
            match fs::rename(self.numbered(number - 1), self.numbered(number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        match self.max_files {
            1 => fs::remove_file(&self.path),
            _ => Ok(()),
        }
    }

    fn open(&self) -> io::Result<File> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        // It is read for its last byte.
        let mut file = options.read(true).open(&self.path)?;
        let len = file.metadata()?.len();
        if len > 0 {
            let mut last = [0];
            file.seek(SeekFrom::Start(len - 1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                // A line that was cut short would take the next one with it.
                file.write_all(b"\n")?;
            }
        }
        Ok(file)
    }

    /// The current file is 0.
    fn numbered(&self, number: usize) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        name.into()
    }
}
