use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Reads the commands in a server's append-only file, as it grows.
///
/// A server that starts again cuts off a command, or a transaction, that is not whole; so only
/// whole ones are taken.
#[derive(Debug)]
pub(crate) struct AppendLog {
    directory: PathBuf,
    file: Option<File>,
    offset: u64,
}

/// A command, by its words.
pub(crate) type Words = Vec<Vec<u8>>;

impl AppendLog {
    /// The file of a server that works in `directory` and never rewrites it.
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), file: None, offset: 0 }
    }

    /// The commands since the last call.
    pub(crate) fn read(&mut self) -> io::Result<Vec<Words>> {
        let offset = self.offset;
        let Some(file) = self.file()? else { return Ok(Vec::new()) };
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (mut commands, mut pending) = (Vec::new(), None::<Vec<Words>>);
        let (mut at, mut whole) = (0, 0);
        while let Some((words, length)) = parse(&bytes[at..]) {
            at += length;
            let name = words.first().map(|name| name.to_ascii_uppercase()).unwrap_or_default();
            match (name.as_slice(), &mut pending) {
                (b"MULTI", _) => pending = Some(Vec::new()),
                (b"EXEC", _) => commands.extend(pending.take().unwrap_or_default()),
                (_, Some(pending)) => pending.push(words),
                (_, None) => commands.push(words),
            }
            if pending.is_none() {
                whole = at;
            }
        }
        self.offset += whole as u64;
        Ok(commands)
    }

    /// The length of the file, in bytes.
    pub(crate) fn size(&self) -> io::Result<u64> {
        find(&self.directory)?.map_or(Ok(0), |path| Ok(fs::metadata(path)?.len()))
    }

    /// Truncates the file, as the failure of a machine drops writes that were not on the disk yet,
    /// and begins to read anew. The server must not run.
    pub(crate) fn truncate(&mut self, size: u64) -> io::Result<()> {
        if let Some(path) = find(&self.directory)? {
            File::options().write(true).open(path)?.set_len(size)?;
        }
        self.offset = 0;
        Ok(())
    }

    fn file(&mut self) -> io::Result<Option<&mut File>> {
        if self.file.is_none() {
            self.file = find(&self.directory)?.map(File::open).transpose()?;
        }
        Ok(self.file.as_mut())
    }
}

/// Redis 7 has a folder of files, of which the `incr` one grows; older ones have one file.
fn find(directory: &Path) -> io::Result<Option<PathBuf>> {
    let single = directory.join("appendonly.aof");
    if single.exists() {
        return Ok(Some(single));
    }
    let folder = directory.join("appendonlydir");
    if !folder.exists() {
        return Ok(None);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".incr.aof") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// The first command in `bytes`, and how long it is; `None` if it is not whole.
fn parse(bytes: &[u8]) -> Option<(Words, usize)> {
    let mut at = 0;
    let count = number(bytes, &mut at, b'*')?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let length = number(bytes, &mut at, b'$')?;
        words.push(bytes.get(at..at + length)?.to_vec());
        at += length + 2;
    }
    (at <= bytes.len()).then_some((words, at))
}

fn number(bytes: &[u8], at: &mut usize, mark: u8) -> Option<usize> {
    let rest = bytes.get(*at..)?;
    if *rest.first()? != mark {
        return None;
    }
    let end = rest.iter().position(|byte| *byte == b'\r')?;
    let number = std::str::from_utf8(rest.get(1..end)?).ok()?.parse().ok()?;
    *at += end + 2;
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(content: &[u8]) -> (tempfile::TempDir, AppendLog) {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("appendonly.aof"), content).expect("a file");
        let log = AppendLog::new(directory.path());
        (directory, log)
    }

    #[test]
    fn whole_commands_are_read_once() {
        let (directory, mut log) = log(b"*2\r\n$3\r\nDEL\r\n$1\r\na\r\n*2\r\n$3\r\nDEL\r\n$1\r");
        assert_eq!(log.read().expect("read"), [vec![b"DEL".to_vec(), b"a".to_vec()]]);
        assert!(log.read().expect("read").is_empty());
        fs::write(
            directory.path().join("appendonly.aof"),
            b"*2\r\n$3\r\nDEL\r\n$1\r\na\r\n*2\r\n$3\r\nDEL\r\n$1\r\nb\r\n",
        )
        .expect("a file");
        assert_eq!(log.read().expect("read"), [vec![b"DEL".to_vec(), b"b".to_vec()]]);
    }

    #[test]
    fn transaction_that_is_not_whole_waits() {
        let (_directory, mut log) = log(b"*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nDEL\r\n$1\r\na\r\n");
        assert!(log.read().expect("read").is_empty());
    }
}
