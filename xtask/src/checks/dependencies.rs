use crate::cargo::Cargo;
use crate::checks::dependency_graph::Graph;
use crate::error::Error;

/// Executors, reactors and timers of other crates; a trailing `*` stands for any ending.
///
/// The executor of `futures` is not among them: it runs only futures that the caller passes to it, on the caller's thread.
const RUNTIMES: &[&str] = &[
    "tokio",
    "tokio-*",
    "async-std",
    "smol",
    "async-io",
    "async-executor",
    "async-global-executor",
    "async-timer",
    "blocking",
    "polling",
    "mio",
    "embassy-*",
    "glommio",
    "monoio",
    "compio",
    "compio-*",
    "nuclei",
    "actix-rt",
    "bastion-executor",
    "futures-timer",
    "wasm-bindgen-futures",
];

/// The clients of Redis.
const CLIENTS: &[&str] = &["fred", "redis"];

/// Checks that the packages that promise to bring no async runtime bring none, at any depth.
pub(crate) fn check() -> Result<(), Error> {
    let mut found = Vec::new();

    // Cargo unites the features of all workspace members in this graph, so it can only show too much, never
    // too little. Target-specific dependencies of all platforms are in it.
    let workspace = Graph::from_metadata(&Cargo::new("metadata --format-version 1").output()?)?;
    for package in ["rhai-dispatcher-core", "rhai-dispatcher-memory"] {
        found.extend(runtimes(&workspace, package, &[RUNTIMES])?);
    }

    // For a choice of features that graph does show too much: here the tree of this package alone is read.
    // Not with `--invert`, which counts dev-dependencies too.
    let facade = Graph::from_tree(
        &Cargo::new("tree --package rhai-dispatcher --no-default-features --features memory,engine")
            .with_args(TREE_OPTIONS.map(str::to_owned))
            .output()?,
    )?;
    for feature in ["rhai-dispatcher-memory", "rhai-dispatcher-engine"] {
        if !facade.contains(feature) {
            return Err(Error::Unreadable(format!("{feature} is not in the tree of rhai-dispatcher")));
        }
    }
    found.extend(runtimes(&facade, "rhai-dispatcher", &[RUNTIMES, CLIENTS])?);

    if found.is_empty() { Ok(()) } else { Err(Error::Forbidden(found)) }
}

/// What [`Graph::from_tree`] expects.
const TREE_OPTIONS: [&str; 8] =
    ["--edges", "normal,build", "--target", "all", "--prefix", "depth", "--format", " {p}"];

/// The path from a package to each forbidden dependency, as `a → b → c`.
fn runtimes(graph: &Graph, package: &str, forbidden: &[&[&str]]) -> Result<Vec<String>, Error> {
    let paths = graph.paths(package, |name| forbidden.concat().iter().any(|pattern| matches(pattern, name)));
    let paths = paths.ok_or_else(|| Error::Unreadable(format!("{package} is not in the graph")))?;
    println!("{package}: {} packages, {} forbidden", paths.visited, paths.found.len());
    Ok(paths.found.into_iter().map(|path| path.join(" → ")).collect())
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What `cargo metadata` says of edges `(from, to, kind)`, where `kind` is null, "build" or "dev".
    fn metadata(edges: &[(&str, &str, Value)]) -> String {
        let names: std::collections::BTreeSet<&str> =
            edges.iter().flat_map(|(from, to, _)| [*from, *to]).collect();
        let deps = |name: &str| -> Vec<Value> {
            let own = edges.iter().filter(|(from, ..)| *from == name);
            own.map(|(_, to, kind)| json!({ "pkg": id(to), "dep_kinds": [{ "kind": kind, "target": null }] }))
                .collect()
        };
        let packages: Vec<_> = names.iter().map(|name| json!({ "id": id(name), "name": name })).collect();
        let nodes: Vec<_> = names.iter().map(|name| json!({ "id": id(name), "deps": deps(name) })).collect();
        json!({ "packages": packages, "resolve": { "nodes": nodes } }).to_string()
    }

    fn id(name: &str) -> String {
        format!("registry+https://example.org/index#{name}@1.0.0")
    }

    fn found_in_metadata(edges: &[(&str, &str, Value)]) -> Vec<String> {
        let graph = Graph::from_metadata(&metadata(edges)).expect("the metadata is well formed");
        runtimes(&graph, "core", &[RUNTIMES]).expect("core is in the graph")
    }

    #[test]
    fn runtime_deep_in_the_tree_is_found() {
        let edges = [
            ("core", "futures", Value::Null),
            ("futures", "futures-util", Value::Null),
            ("futures-util", "tokio-io", json!("build")),
            ("tokio-io", "tokio", Value::Null),
        ];
        let found = found_in_metadata(&edges);
        assert_eq!(
            found,
            ["core → futures → futures-util → tokio-io", "core → futures → futures-util → tokio-io → tokio"]
        );
    }

    #[test]
    fn runtime_behind_a_build_dependency_is_found() {
        let edges = [("core", "generator", json!("build")), ("generator", "smol", Value::Null)];
        assert_eq!(found_in_metadata(&edges), ["core → generator → smol"]);
    }

    #[test]
    fn runtime_that_is_only_a_dev_dependency_is_not_reported() {
        let edges = [
            ("core", "tokio", json!("dev")),
            ("core", "futures", Value::Null),
            ("futures", "tokio", json!("dev")),
            ("futures", "slab", Value::Null),
        ];
        assert!(found_in_metadata(&edges).is_empty());
    }

    #[test]
    fn dev_dependency_that_is_a_normal_one_too_is_found() {
        let mut metadata: Value =
            serde_json::from_str(&metadata(&[("core", "tokio", json!("dev"))])).expect("it is JSON");
        let kinds = metadata.pointer_mut("/resolve/nodes/0/deps/0/dep_kinds").expect("core has one");
        *kinds = json!([{ "kind": "dev", "target": null }, { "kind": null, "target": "cfg(windows)" }]);
        let graph = Graph::from_metadata(&metadata.to_string()).expect("the metadata is well formed");
        assert_eq!(runtimes(&graph, "core", &[RUNTIMES]).expect("core is in the graph"), ["core → tokio"]);
    }

    #[test]
    fn runtime_in_a_printed_tree_is_found_with_its_way() {
        let tree = "0 facade v0.1.0 (/src)\n1 core v0.1.0 (/src/core)\n2 slab v0.4.0\n\
                    1 redis v1.0.0\n2 slab v0.4.0 (*)\n2 tokio v1.0.0\n3 mio v1.0.0\n";
        let graph = Graph::from_tree(tree).expect("the tree is well formed");
        let found = runtimes(&graph, "facade", &[RUNTIMES]).expect("facade is in the graph");
        assert_eq!(found, ["facade → redis → tokio", "facade → redis → tokio → mio"]);
        assert!(runtimes(&graph, "core", &[RUNTIMES]).expect("core is in the graph").is_empty());
    }

    #[test]
    fn unknown_package_is_an_error_and_not_a_pass() {
        let graph = Graph::from_metadata(&metadata(&[("a", "b", Value::Null)])).expect("well formed");
        assert!(runtimes(&graph, "core", &[RUNTIMES]).is_err());
        assert!(Graph::from_metadata("{}").is_err());
        assert!(Graph::from_tree("").is_err());
    }

    #[test]
    fn our_own_bridge_is_no_runtime_by_its_name() {
        let is_runtime = |name: &str| RUNTIMES.iter().any(|pattern| matches(pattern, name));
        assert!(!is_runtime("rhai-dispatcher-tokio-bridge"));
        assert!(is_runtime("embassy-executor") && is_runtime("tokio") && is_runtime("tokio-util"));
    }
}
