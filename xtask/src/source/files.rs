use std::fs;
use std::path::Path;

use crate::error::Error;

/// One file of the workspace, read.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Its path from the root of the workspace, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every file under `root` whose name ends in one of `extensions`, in the order of the paths.
///
/// Folders of builds (`target`) and hidden ones are left out.
pub(crate) fn files_with(root: &Path, extensions: &[&str]) -> Result<Vec<SourceFile>, Error> {
    let mut found = Vec::new();
    visit(root, root, extensions, &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn visit(root: &Path, folder: &Path, extensions: &[&str], found: &mut Vec<SourceFile>) -> Result<(), Error> {
    let unreadable = |path: &Path, error| Error::Unreadable(format!("{}: {error}", path.display()));
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() {
            visit(root, &path, extensions, found)?;
        } else if extensions.iter().any(|extension| path.extension().is_some_and(|own| own == *extension)) {
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            let path = path.strip_prefix(root).unwrap_or(&path);
            let path = path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
            found.push(SourceFile { path, text });
        }
    }
    Ok(())
}
