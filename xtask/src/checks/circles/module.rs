use std::collections::{HashMap, HashSet};

/// What a module declares, defines, imports and names, from its source. Code for tests alone is left out.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// Modules in files of their own: `mod name;`.
    pub(super) declared: Vec<String>,
    /// Modules in this file: `mod name { … }`.
    pub(super) inline: HashMap<String, Module>,
    /// The names of types, functions, constants and macros.
    pub(super) defined: HashSet<String>,
    /// Whether it holds anything but modules and imports. A module that does not is a facade.
    pub(super) has_items: bool,
    /// Every identifier in the items of this file, other than those of imports.
    pub(super) used: HashSet<String>,
    /// `use` declarations, those within functions included.
    pub(super) imports: Vec<Import>,
    /// Paths of two segments or more outside of `use` declarations.
    pub(super) paths: Vec<(Path, usize)>,
}

/// The segments of a path.
pub(super) type Path = Vec<String>;

/// One name that a `use` declaration brings.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Import {
    /// The path, without the `*` of a glob.
    pub(super) path: Path,
    /// The name in this module; none for a glob.
    pub(super) name: Option<String>,
    /// Whether it is more than private: `pub use`, `pub(crate) use`.
    pub(super) exported: bool,
    /// The line of the last segment, 1-based.
    pub(super) line: usize,
}

impl Module {
    /// Whether the code of this module needs an import: one that is exported, and not used here, is for other files.
    pub(super) fn depends_on(&self, import: &Import) -> bool {
        !import.exported || import.name.as_ref().is_some_and(|name| self.used.contains(name))
    }
}
