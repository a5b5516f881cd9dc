use std::collections::{BTreeMap, BTreeSet};

/// The sets of nodes that reach each other, each in order; a node alone is none.
pub(super) fn cycles(edges: &BTreeMap<usize, BTreeSet<usize>>) -> Vec<BTreeSet<usize>> {
    let mut found: Vec<BTreeSet<usize>> = Vec::new();
    for &node in edges.keys() {
        if found.iter().any(|cycle| cycle.contains(&node)) {
            continue;
        }
        let cycle: BTreeSet<_> =
            reached(edges, node).into_iter().filter(|other| reached(edges, *other).contains(&node)).collect();
        if cycle.len() > 1 {
            found.push(cycle);
        }
    }
    found
}

/// The nodes to which one edge or more lead. A package has a hundred files at most, so no more than that is needed.
fn reached(edges: &BTreeMap<usize, BTreeSet<usize>>, from: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut next = vec![from];
    while let Some(node) = next.pop() {
        for &other in edges.get(&node).into_iter().flatten() {
            if found.insert(other) {
                next.push(other);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_found_and_what_leads_to_them_is_not() {
        let edges = [(0, 1), (1, 2), (2, 1), (2, 3), (4, 5), (5, 6), (6, 4), (7, 7)];
        let mut graph: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (from, to) in edges {
            graph.entry(from).or_default().insert(to);
        }
        assert_eq!(cycles(&graph), [BTreeSet::from([1, 2]), BTreeSet::from([4, 5, 6])]);
    }
}
