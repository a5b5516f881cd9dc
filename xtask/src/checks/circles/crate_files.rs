use std::collections::{BTreeMap, HashMap};

use super::module::{Import, Module};
use super::parser::parse;

/// How many re-exports a name is followed through; more are a circle of re-exports.
const MAX_RE_EXPORTS: usize = 32;

/// The files of a library or program, from its root file on.
#[derive(Debug)]
pub(super) struct CrateFiles {
    /// Paths as they are printed.
    files: Vec<String>,
    nodes: Vec<Node>,
}

/// A module in its place.
#[derive(Debug)]
struct Node {
    file: usize,
    parent: Option<usize>,
    children: HashMap<String, usize>,
    module: Module,
}

/// One import: the line in a file, and the path that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) line: usize,
    pub(super) path: String,
}

/// For each file the files it imports, with the first import of each.
type Links = BTreeMap<usize, BTreeMap<usize, Link>>;

impl CrateFiles {
    /// Follows `mod` declarations from `root` on. `read` returns the text of a file, or none if the file does not exist.
    pub(super) fn load(root: &str, read: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let module = parse(&read(root)?)?;
        let mut files = Self { files: vec![root.to_owned()], nodes: Vec::new() };
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        files.add(module, 0, None, folder, read);
        Some(files)
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    pub(super) fn name(&self, file: usize) -> &str {
        &self.files[file]
    }

    /// Adds a module and all in it; `folder` is where the files of its children lie.
    fn add(
        &mut self,
        mut module: Module,
        file: usize,
        parent: Option<usize>,
        folder: &str,
        read: &dyn Fn(&str) -> Option<String>,
    ) -> usize {
        let node = self.nodes.len();
        let declared = std::mem::take(&mut module.declared);
        let inline = std::mem::take(&mut module.inline);
        self.nodes.push(Node { file, parent, children: HashMap::new(), module });
        for name in declared {
            let places = [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")];
            // A file that is not here is for another platform, or the compiler's to complain of.
            let found = places.into_iter().find_map(|path| read(&path).map(|source| (path, source)));
            let Some((path, source)) = found else { continue };
            let Some(module) = parse(&source) else { continue };
            self.files.push(path);
            let child = self.add(module, self.files.len() - 1, Some(node), &format!("{folder}/{name}"), read);
            self.nodes[node].children.insert(name, child);
        }
        for (name, module) in inline {
            let child = self.add(module, file, Some(node), &format!("{folder}/{name}"), read);
            self.nodes[node].children.insert(name, child);
        }
        node
    }

    /// Which file imports which.
    ///
    /// A name is followed through re-exports to the file that defines it. So a facade, which only declares and
    /// re-exports, is imported by no file, and two files that import each other through one are seen.
    pub(super) fn links(&self) -> Links {
        let mut links = Links::new();
        for (node, Node { file, module, .. }) in self.nodes.iter().enumerate() {
            let imports = module
                .imports
                .iter()
                .filter(|import| module.depends_on(import))
                .map(|import| (&import.path, import.line));
            let paths = module.paths.iter().map(|(path, line)| (path, *line));
            for (path, line) in imports.chain(paths) {
                let Some(found) = self.defines(node, path) else { continue };
                if found != *file && !self.is_facade(*file) {
                    let link = Link { line, path: path.join("::") };
                    let first = links.entry(*file).or_default().entry(found).or_insert_with(|| link.clone());
                    if line < first.line {
                        *first = link;
                    }
                }
            }
        }
        links
    }

    /// Whether the file only declares and re-exports.
    fn is_facade(&self, file: usize) -> bool {
        self.nodes.iter().filter(|node| node.file == file).all(|node| !node.module.has_items)
    }

    /// The file that defines what `path` names in module `node`, if this crate does.
    fn defines(&self, node: usize, path: &[String]) -> Option<usize> {
        match self.resolve(node, path, true, 0)? {
            Found::Item(file) => Some(file),
            Found::Module(found) => {
                let file = self.nodes[found].file;
                (!self.is_facade(file)).then_some(file)
            }
        }
    }

    /// `first` says that the path begins here, where `crate`, `self` and `super` have a meaning.
    fn resolve(&self, node: usize, path: &[String], first: bool, depth: usize) -> Option<Found> {
        if depth > MAX_RE_EXPORTS {
            return None;
        }
        let Some((name, rest)) = path.split_first() else { return Some(Found::Module(node)) };
        let here = &self.nodes[node];
        match name.as_str() {
            "crate" if first => return self.resolve(0, rest, false, depth + 1),
            "self" if first => return self.resolve(node, rest, false, depth + 1),
            "super" => return self.resolve(here.parent?, rest, false, depth + 1),
            _ => {}
        }
        if let Some(&child) = here.children.get(name) {
            return self.resolve(child, rest, false, depth + 1);
        }
        if here.module.defined.contains(name) {
            return Some(Found::Item(here.file));
        }
        let named = here.module.imports.iter().filter(|import| import.name.as_deref() == Some(name));
        let followed = |import: &Import| -> Option<Found> {
            // `use a;` would find itself.
            if import.path.first() == Some(name) && import.path.len() == 1 {
                return None;
            }
            match self.resolve(node, &import.path, true, depth + 1)? {
                Found::Module(module) => self.resolve(module, rest, false, depth + 1),
                item @ Found::Item(_) => Some(item),
            }
        };
        if let Some(found) = named.filter_map(followed).next() {
            return Some(found);
        }
        let globs = here.module.imports.iter().filter(|import| import.name.is_none());
        let in_glob = |import: &Import| -> Option<Found> {
            match self.resolve(node, &import.path, true, depth + 1)? {
                Found::Module(module) if module != node => self.resolve(module, path, false, depth + 1),
                _ => None,
            }
        };
        if let Some(found) = globs.filter_map(in_glob).next() {
            return Some(found);
        }
        // The name may come from a macro of this module; at the start of a path it is mostly another crate's.
        (!first && here.module.has_items).then_some(Found::Item(here.file))
    }
}

#[derive(Debug)]
enum Found {
    /// The file that defines the item.
    Item(usize),
    /// A module, not more.
    Module(usize),
}
