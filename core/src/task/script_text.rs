use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

/// The text of a script without what editors and systems put before it: a byte order mark goes, and the line
/// of `#!`, which makes a file executable, becomes a comment, so that lines and columns stay what they are.
#[must_use]
pub fn script_text(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.strip_prefix("#!") {
        Some(rest) => Cow::Owned(format!("//{rest}")),
        None => Cow::Borrowed(text),
    }
}

/// Why no script was read from a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptFileError {
    /// The file can't be read.
    #[error("{}", unreadable(.0))]
    Unreadable(#[from] io::Error),
    /// The file is longer than a script may be.
    #[error("it has more than {0} bytes, the limit for a script; raise max_script_bytes, or split it")]
    TooLong(usize),
    /// It is not text.
    #[error("it is not UTF-8, from byte {0} on; save it as UTF-8")]
    NotUtf8(usize),
    /// It is a pipe, a socket or a device: a read of it may never end.
    #[error("it is not a regular file; give the path of one")]
    NoFile,
}

/// Reads the script of a regular file, and no more of it than `max_bytes` and one.
///
/// # Errors
/// If it can't be read, is too long, or is not text.
pub fn read_script(path: &Path, max_bytes: usize) -> Result<Arc<str>, ScriptFileError> {
    let kind = fs::metadata(path)?;
    if kind.is_dir() {
        return Err(io::Error::from(ErrorKind::IsADirectory).into());
    }
    if !kind.is_file() {
        return Err(ScriptFileError::NoFile);
    }
    read_script_from(File::open(path)?, max_bytes)
}

/// Reads the script that `from` gives, and no more of it than `max_bytes` and one.
///
/// # Errors
/// If it can't be read, is too long, or is not text.
pub fn read_script_from(from: impl Read, max_bytes: usize) -> Result<Arc<str>, ScriptFileError> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    from.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() > max_bytes {
        return Err(ScriptFileError::TooLong(max_bytes));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| ScriptFileError::NotUtf8(error.utf8_error().valid_up_to()))?;
    Ok(script_text(&text).into())
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "the file does not exist".to_owned(),
        ErrorKind::IsADirectory => "it is a directory; give the files in it".to_owned(),
        ErrorKind::PermissionDenied => "permission to read it is denied".to_owned(),
        _ => format!("it can't be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_and_a_shebang_are_no_part_of_the_script() {
        assert_eq!(script_text("\u{feff}1 + 1"), "1 + 1");
        assert_eq!(script_text("#!/usr/bin/env rhaid\n1"), "///usr/bin/env rhaid\n1");
        assert_eq!(script_text("\u{feff}#!/usr/bin/env rhaid\n1"), "///usr/bin/env rhaid\n1");
        assert_eq!(script_text("#{a: 1}"), "#{a: 1}");
        assert_eq!(script_text(""), "");
        // Only where a file begins.
        assert_eq!(script_text("1\n#!x"), "1\n#!x");
    }

    #[test]
    fn bytes_that_are_no_script_are_refused_with_the_reason() {
        let read = |bytes: &[u8]| read_script_from(bytes, 5).map_err(|error| error.to_string());
        assert_eq!(read(b"1 + 1").as_deref(), Ok("1 + 1"));
        assert_eq!(
            read(b"1 + 11"),
            Err("it has more than 5 bytes, the limit for a script; raise max_script_bytes, or split it"
                .into())
        );
        assert_eq!(read(b"1 \xff"), Err("it is not UTF-8, from byte 2 on; save it as UTF-8".into()));
        let folder = read_script(Path::new("."), 5).map_err(|error| error.to_string());
        assert_eq!(folder, Err("it is a directory; give the files in it".into()));
        #[cfg(unix)]
        assert!(matches!(read_script(Path::new("/dev/null"), 5), Err(ScriptFileError::NoFile)));
    }
}
