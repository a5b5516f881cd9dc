use std::io;
use std::path::Path;
use std::sync::Arc;

use rhai_dispatcher_core::{ScriptFileError, read_script};

use super::import_error::ImportError;
use crate::script::run::ModuleName;

/// Reads the file of a module. It blocks.
pub(super) fn read_module(
    folder: &Path,
    name: ModuleName,
    max_bytes: usize,
) -> Result<Arc<str>, ImportError> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ImportError::Missing(name.clone()),
        // Its own text may tell of the machine's folders.
        kind => ImportError::Unreadable(name.clone(), kind.to_string()),
    };
    let folder = folder.canonicalize().map_err(unreadable)?;
    let path = folder.join(name.file()).canonicalize().map_err(unreadable)?;
    if !path.starts_with(&folder) {
        return Err(ImportError::Outside(name));
    }
    read_script(&path, max_bytes).map_err(|error| match error {
        ScriptFileError::Unreadable(error) if error.kind() == io::ErrorKind::IsADirectory => {
            ImportError::Unreadable(name.clone(), "it is not a file".to_owned())
        }
        ScriptFileError::Unreadable(error) => unreadable(error),
        ScriptFileError::TooLong(max_bytes) => ImportError::TooLong(max_bytes),
        error => ImportError::Unreadable(name.clone(), error.to_string()),
    })
}
