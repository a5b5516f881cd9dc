use rhai::{Array, Dynamic, Engine, INT, Map, NativeCallContext};

use crate::script::error::{NativeResult, Size, TooLarge};
use crate::script::value::{arrays_equal, copied_values, equal, maps_equal};

/// Replaces those of Rhai's functions that call another one for each element of an array or a map,
/// which takes about a microsecond: ten thousand of them would hold the lane's thread for ten
/// milliseconds. They mean the same, and the script's slice can end between any two elements.
///
/// And `pad`, which copies a value for each element: Rhai does not count what function pointers in it have curried.
pub(crate) fn register(engine: &mut Engine) {
    engine.register_fn("pad", pad);
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

/// Appends copies of `item` until there are `len` elements.
fn pad(context: NativeCallContext<'_>, array: &mut Array, len: INT, item: Dynamic) -> NativeResult<()> {
    let len = usize::try_from(len).unwrap_or(0);
    let missing = len.saturating_sub(array.len());
    if missing == 0 {
        return Ok(());
    }
    let values = missing.saturating_mul(copied_values(&item)?);
    let engine = context.engine();
    let max = match (engine.max_array_size(), engine.max_map_size()) {
        (0, _) | (_, 0) => usize::MAX,
        (arrays, maps) => arrays.saturating_add(maps),
    };
    // Rhai looks at the size of the array itself when the copies are there.
    if values > max {
        return Err(TooLarge::unknown(Size::Array).into());
    }
    array.resize(len, item);
    Ok(())
}

fn position(
    context: &NativeCallContext<'_>,
    array: &Array,
    value: &Dynamic,
    start: usize,
) -> NativeResult<Option<usize>> {
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
