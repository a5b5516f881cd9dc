use rhai::Dynamic;

use super::sizes::MAX_NESTING;
use super::{Halt, Part, Walk};

/// How many values a copy of `value` has: with those that function pointers have curried, which no limit of sizes
/// counts, and without what captured variables hold, which copies share.
///
/// # Errors
/// The script has to end.
pub(crate) fn copied_values(value: &Dynamic) -> Result<usize, Halt> {
    let walk = Walk::new(MAX_NESTING, usize::MAX);
    visit(&walk, value)?;
    Ok(usize::MAX - walk.left())
}

fn visit(walk: &Walk, value: &Dynamic) -> Result<(), Halt> {
    if value.is_shared() {
        return walk.count(1);
    }
    walk.visit(value, |part| match part {
        Part::Array(array) => array.iter().try_for_each(|value| visit(walk, value)),
        Part::Map(map) => map.values().try_for_each(|value| visit(walk, value)),
        Part::Function(function) => function.iter_curry().try_for_each(|value| visit(walk, value)),
        _ => Ok(()),
    })
}
