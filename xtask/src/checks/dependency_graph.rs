use std::collections::{BTreeMap, HashSet, VecDeque};

use serde_json::Value;

use crate::error::Error;

/// The packages with their normal and build dependencies, without those for tests.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// From a package's id.
    packages: BTreeMap<String, Package>,
}

#[derive(Debug, Default)]
struct Package {
    name: String,
    /// Ids.
    dependencies: Vec<String>,
}

/// The result of a walk through a [`Graph`].
#[derive(Debug)]
pub(crate) struct Paths {
    /// The number of visited packages, the first one included.
    pub(crate) visited: usize,
    /// For each forbidden package, the names on the shortest path to it.
    pub(crate) found: Vec<Vec<String>>,
}

impl Graph {
    /// Reads what `cargo metadata --format-version 1` prints.
    pub(crate) fn from_metadata(json: &str) -> Result<Self, Error> {
        let metadata: Value =
            serde_json::from_str(json).map_err(|error| Error::Unreadable(error.to_string()))?;
        let mut graph = Self::default();
        for package in list(&metadata["packages"], "packages")? {
            let name = text(&package["name"], "a package's name")?;
            let package = (text(&package["id"], "a package's id")?, Package { name, ..Package::default() });
            graph.packages.extend([package]);
        }
        for node in list(&metadata["resolve"]["nodes"], "resolve.nodes")? {
            let id = text(&node["id"], "a node's id")?;
            let mut dependencies = Vec::new();
            for dependency in list(&node["deps"], "a node's deps")? {
                let kinds = list(&dependency["dep_kinds"], "a dependency's dep_kinds")?;
                if kinds.iter().any(|kind| kind["kind"] != "dev") {
                    dependencies.push(text(&dependency["pkg"], "a dependency's pkg")?);
                }
            }
            let package = graph.packages.get_mut(&id);
            let package = package.ok_or_else(|| Error::Unreadable(format!("{id} is not a package")))?;
            package.dependencies = dependencies;
        }
        Ok(graph)
    }

    /// Reads what `cargo tree` prints with `--prefix depth --format ' {p}'`: lines like `2 slab v0.4.12 (*)`,
    /// each a dependency of the last line before it that is one less deep.
    pub(crate) fn from_tree(tree: &str) -> Result<Self, Error> {
        let mut graph = Self::default();
        let mut ancestors: Vec<String> = Vec::new();
        for line in tree.lines().filter(|line| !line.is_empty()) {
            let unreadable = || Error::Unreadable(format!("the line {line:?} of a tree"));
            let (depth, package) = line.split_once(' ').ok_or_else(unreadable)?;
            let depth: usize = depth.parse().map_err(|_| unreadable())?;
            if depth > ancestors.len() {
                return Err(unreadable());
            }
            let mut words = package.split_whitespace();
            let (Some(name), Some(version)) = (words.next(), words.next()) else { return Err(unreadable()) };
            let id = format!("{name}@{version}");

            ancestors.truncate(depth);
            if let Some(parent) = ancestors.last().and_then(|parent| graph.packages.get_mut(parent)) {
                parent.dependencies.push(id.clone());
            }
            let package = graph.packages.entry(id.clone()).or_default();
            name.clone_into(&mut package.name);
            ancestors.push(id);
        }
        if graph.packages.is_empty() { Err(Error::Unreadable("an empty tree".to_owned())) } else { Ok(graph) }
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.id(name).is_some()
    }

    /// Walks breadth first from the package `name`; `None` if the graph has no such package.
    pub(crate) fn paths(&self, name: &str, is_sought: impl Fn(&str) -> bool) -> Option<Paths> {
        let root = self.id(name)?;
        let mut seen = HashSet::from([root]);
        let mut queue = VecDeque::from([vec![root]]);
        let mut found = Vec::new();
        while let Some(path) = queue.pop_front() {
            let Some(package) = path.last().and_then(|id| self.packages.get(*id)) else { continue };
            if path.len() > 1 && is_sought(&package.name) {
                found.push(path.iter().map(|id| self.packages[*id].name.clone()).collect());
            }
            for dependency in &package.dependencies {
                if seen.insert(dependency) {
                    queue.push_back(path.iter().copied().chain([dependency.as_str()]).collect());
                }
            }
        }
        Some(Paths { visited: seen.len(), found })
    }

    fn id(&self, name: &str) -> Option<&str> {
        self.packages.iter().find(|(_, package)| package.name == name).map(|(id, _)| id.as_str())
    }
}

fn list<'a>(value: &'a Value, what: &str) -> Result<&'a Vec<Value>, Error> {
    value.as_array().ok_or_else(|| Error::Unreadable(format!("{what} is not a list")))
}

fn text(value: &Value, what: &str) -> Result<String, Error> {
    value.as_str().map(str::to_owned).ok_or_else(|| Error::Unreadable(format!("{what} is not a string")))
}
