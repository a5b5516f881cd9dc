use rhai::{Array, Dynamic, Engine, INT, Map, NativeCallContext};

use super::builtins::Answer;
use super::value::{arrays_equal, equal, maps_equal};

/// Replaces those of Rhai's functions that call another one for each element of an array or a map,
/// which takes about a microsecond: ten thousand of them would hold the lane's thread for ten
/// milliseconds. They mean the same, and the script's slice can end between any two elements.
pub(crate) fn register(engine: &mut Engine) {
    engine.register_fn("==", |context: NativeCallContext<'_>, one: &mut Array, other: Array| {
        arrays_equal(&context, one, &other)
    });
    engine.register_fn("!=", |context: NativeCallContext<'_>, one: &mut Array, other: Array| {
        arrays_equal(&context, one, &other).map(|equal| !equal)
    });
    engine.register_fn("==", |context: NativeCallContext<'_>, one: &mut Map, other: Map| {
        maps_equal(&context, one, &other)
    });
    engine.register_fn("!=", |context: NativeCallContext<'_>, one: &mut Map, other: Map| {
        maps_equal(&context, one, &other).map(|equal| !equal)
    });
    engine.register_fn("contains", |context: NativeCallContext<'_>, array: &mut Array, value: Dynamic| {
        position(&context, array, &value, 0).map(|found| found.is_some())
    });
    engine.register_fn("index_of", |context: NativeCallContext<'_>, array: &mut Array, value: Dynamic| {
        position(&context, array, &value, 0).map(index)
    });
    engine.register_fn(
        "index_of",
        |context: NativeCallContext<'_>, array: &mut Array, value: Dynamic, start: INT| {
            position(&context, array, &value, offset(start, array.len())).map(index)
        },
    );
}

fn position(
    context: &NativeCallContext<'_>,
    array: &Array,
    value: &Dynamic,
    start: usize,
) -> Answer<Option<usize>> {
    for (index, element) in array.iter().enumerate().skip(start) {
        if equal(context, element, value)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn index(found: Option<usize>) -> INT {
    found.and_then(|index| INT::try_from(index).ok()).unwrap_or(-1)
}

/// Where an index points that is counted from the end if it is negative.
fn offset(start: INT, len: usize) -> usize {
    match usize::try_from(start) {
        Ok(start) => start,
        Err(_) => len.saturating_sub(usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX)),
    }
}
