use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::CommandError;
use crate::report::Failure;

/// Where a script is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ScriptFile {
    /// `-`
    StandardInput,
    /// Anything else.
    Path(PathBuf),
}

/// A script that was read, or why it was not.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// What to call it in messages.
    pub(crate) name: Arc<str>,
    /// Its text.
    pub(crate) text: Result<Arc<str>, Failure>,
}

impl ScriptFile {
    /// The files of a command line.
    ///
    /// # Errors
    /// If standard input is given twice: there is one only.
    pub(crate) fn all(paths: Vec<PathBuf>) -> Result<Vec<Self>, CommandError> {
        let files: Vec<Self> = paths.into_iter().map(Self::from).collect();
        if files.iter().filter(|file| **file == Self::StandardInput).count() > 1 {
            let problem = "`-` is given twice, and there is one standard input; give it once";
            return Err(CommandError::usage("<FILE>...", problem));
        }
        Ok(files)
    }

    /// Reads the script, and no more of it than `max_bytes` and one.
    pub(crate) fn read(&self, max_bytes: usize) -> Script {
        let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::new();
        let (name, read) = match self {
            Self::StandardInput => ("<stdin>".into(), io::stdin().lock().take(limit).read_to_end(&mut bytes)),
            Self::Path(path) => (
                path.display().to_string().into(),
                File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)),
            ),
        };
        let text = match read {
            Ok(_) => text(bytes, max_bytes),
            Err(error) => Err(unreadable(&error)),
        };
        Script { name, text: text.map_err(|problem| Failure::new("invalid", problem)) }
    }
}

impl From<PathBuf> for ScriptFile {
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Self::StandardInput } else { Self::Path(path) }
    }
}

fn text(bytes: Vec<u8>, max_bytes: usize) -> Result<Arc<str>, String> {
    if bytes.len() > max_bytes {
        return Err(format!("it has more than {max_bytes} bytes, which is the limit for a script"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        format!("it is not UTF-8, from byte {valid} on; save it as UTF-8")
    })?;
    // Some editors begin a file with a byte order mark, which Rhai does not know.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    // The line that makes a script executable becomes a comment; columns stay what they are.
    Ok(match text.strip_prefix("#!") {
        Some(rest) => format!("//{rest}").into(),
        None => text.into(),
    })
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::IsADirectory => "it is a directory; give the files in it".to_owned(),
        ErrorKind::PermissionDenied => "permission to read it is denied".to_owned(),
        _ => format!("it can't be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_byte_order_mark_and_a_shebang_are_no_part_of_the_script() {
        let text = |text: &str| super::text(text.into(), 100).expect("a script");
        assert_eq!(&*text("\u{feff}1 + 1"), "1 + 1");
        assert_eq!(&*text("#!/usr/bin/env rhaid\n1"), "///usr/bin/env rhaid\n1");
        assert_eq!(&*text("#{a: 1}"), "#{a: 1}");
    }
}
