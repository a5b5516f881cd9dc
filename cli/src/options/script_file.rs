use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rhai_dispatcher::task::read_script_from;

use crate::error::CommandError;
use crate::report::Failure;

/// Where a script is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ScriptFile {
    /// `-`
    StandardInput,
    /// A path.
    Path(PathBuf),
}

/// A script that was read, or the reason why it was not.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// The script's name in messages.
    pub(crate) name: Arc<str>,
    /// Its text.
    pub(crate) text: Result<Arc<str>, Failure>,
}

impl ScriptFile {
    /// The files of a command line.
    ///
    /// # Errors
    /// If standard input is given twice.
    pub(crate) fn all(paths: Vec<PathBuf>) -> Result<Vec<Self>, CommandError> {
        let files: Vec<Self> = paths.into_iter().map(Self::from).collect();
        if files.iter().filter(|file| **file == Self::StandardInput).count() > 1 {
            let problem = "`-` is given twice, and there is one standard input; give it once";
            return Err(CommandError::usage("<FILE>...", problem));
        }
        Ok(files)
    }

    /// Reads the script, at most `max_bytes` + 1 bytes of it.
    pub(crate) fn read(&self, max_bytes: usize) -> Script {
        let (name, text) = match self {
            Self::StandardInput => ("<stdin>".into(), read_script_from(io::stdin().lock(), max_bytes)),
            // A pipe is allowed too: the shell's `<(…)` is one. Ctrl-C ends a read that takes too long.
            Self::Path(path) => (
                path.display().to_string().into(),
                File::open(path).map_err(Into::into).and_then(|file| read_script_from(file, max_bytes)),
            ),
        };
        Script { name, text: text.map_err(|problem| Failure::new("invalid", problem.to_string())) }
    }
}

impl From<PathBuf> for ScriptFile {
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Self::StandardInput } else { Self::Path(path) }
    }
}
