//! The contract's bullets, the cases and the faults match.

use std::collections::BTreeSet;

use rhai_dispatcher_conformance::{CASES, FAULTS};

const CONTRACT: [&str; 2] = [
    include_str!("../../core/src/transport/contract.rs"),
    include_str!("../../core/src/transport/consumer.rs"),
];

/// The names in bullets of the form `` - `name`: promise`` under `# Behavior`.
fn bullets() -> Vec<&'static str> {
    let mut names = Vec::new();
    for source in CONTRACT {
        let mut in_behavior = false;
        for line in source.lines() {
            let Some(doc) = line.trim_start().strip_prefix("///") else {
                in_behavior = false;
                continue;
            };
            let doc = doc.trim_start();
            if let Some(heading) = doc.strip_prefix("# ") {
                in_behavior = heading == "Behavior";
            } else if in_behavior && doc.starts_with("- ") {
                let name = doc.strip_prefix("- `").and_then(|rest| rest.split_once("`:"));
                names.push(name.unwrap_or_else(|| panic!("a bullet without a case: {doc}")).0);
            }
        }
    }
    names
}

fn unique(names: impl IntoIterator<Item = &'static str>) -> BTreeSet<&'static str> {
    let mut set = BTreeSet::new();
    for name in names {
        assert!(set.insert(name), "{name} is there twice");
    }
    set
}

#[test]
fn each_bullet_has_its_case_and_each_case_its_bullet() {
    let bullets = unique(bullets());
    let cases = unique(CASES.iter().map(|case| case.name));
    let untested: Vec<_> = bullets.difference(&cases).collect();
    let unpromised: Vec<_> = cases.difference(&bullets).collect();
    assert!(untested.is_empty(), "bullets without a case: {untested:?}");
    assert!(unpromised.is_empty(), "cases without a bullet: {unpromised:?}");
    assert!(bullets.len() > 50, "the bullets are read: {bullets:?}");
}

#[test]
fn each_case_has_a_fault_that_it_catches() {
    let faults = || FAULTS.iter().copied().flatten();
    unique(faults().map(|fault| fault.name));
    let caught: BTreeSet<_> = faults().flat_map(|fault| fault.caught_by).copied().collect();
    let cases: BTreeSet<_> = CASES.iter().map(|case| case.name).collect();
    let untried: Vec<_> = cases.difference(&caught).collect();
    assert!(untried.is_empty(), "cases that have not been seen to fail: {untried:?}");
}
