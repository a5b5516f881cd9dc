use std::fmt;
use std::sync::Arc;

/// The name of a module: the path of its file below the folder, without its ending. Nothing in it leads
/// out of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModuleName(Arc<str>);

/// The ending of a module's file.
const ENDING: &str = ".rhai";
impl ModuleName {
    /// The longest name, in bytes.
    pub(crate) const MAX_BYTES: usize = 255;

    /// The name in an `import`, with or without the ending; `None` if it is not the name of a module.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let name = path.strip_suffix(ENDING).unwrap_or(path);
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(is_plain);
        (name.len() <= Self::MAX_BYTES && name.split('/').all(is_part)).then(|| Self(name.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of the module's file, from the folder on.
    pub(crate) fn file(&self) -> String {
        format!("{self}{ENDING}")
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
