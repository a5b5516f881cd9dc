use std::any::TypeId;
use std::fmt::Write;

use rhai::{Array, Dynamic, Engine, EvalAltResult, INT, ImmutableString, Map, NativeCallContext, Position};

use super::builtins::Answer;
use super::tick;

/// Replaces those of Rhai's functions that call another one for each element of an array or a map,
/// which takes about a microsecond: ten thousand of them would hold the lane's thread for ten
/// milliseconds. They mean the same, and the script's slice can end between any two elements.
pub(crate) fn register(engine: &mut Engine) {
    engine.register_fn("==", |context: NativeCallContext<'_>, one: &mut Array, other: Array| {
        arrays_equal(&context, one, other)
    });
    engine.register_fn("!=", |context: NativeCallContext<'_>, one: &mut Array, other: Array| {
        arrays_equal(&context, one, other).map(|equal| !equal)
    });
    engine.register_fn("==", |context: NativeCallContext<'_>, one: &mut Map, other: Map| {
        maps_equal(&context, one, other)
    });
    engine.register_fn("!=", |context: NativeCallContext<'_>, one: &mut Map, other: Map| {
        maps_equal(&context, one, other).map(|equal| !equal)
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
    for name in ["print", "to_string", "debug", "to_debug"] {
        engine.register_fn(name, |context: NativeCallContext<'_>, array: &mut Array| {
            print_array(&context, array)
        });
        engine.register_fn(name, |context: NativeCallContext<'_>, map: &mut Map| print_map(&context, map));
    }
}

/// Lets others have a turn, if it is time, and ends the call if the script has to end.
fn breathe() -> Answer<()> {
    match tick::on_progress() {
        Some(token) => Err(EvalAltResult::ErrorTerminated(token, Position::NONE).into()),
        None => Ok(()),
    }
}

fn arrays_equal(context: &NativeCallContext<'_>, one: &mut Array, mut other: Array) -> Answer<bool> {
    if one.len() != other.len() {
        return Ok(false);
    }
    for (a, b) in one.iter_mut().zip(&mut other) {
        if !or_different(equal(context, a, b), a.type_id(), b.type_id())? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn maps_equal(context: &NativeCallContext<'_>, one: &mut Map, mut other: Map) -> Answer<bool> {
    if one.len() != other.len() {
        return Ok(false);
    }
    for (key, a) in one {
        let Some(b) = other.get_mut(key) else { return Ok(false) };
        if !equal(context, a, b)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn position(
    context: &NativeCallContext<'_>,
    array: &mut Array,
    value: &Dynamic,
    start: usize,
) -> Answer<Option<usize>> {
    for (index, element) in array.iter_mut().enumerate().skip(start) {
        let equal = equal(context, element, &mut value.clone());
        if or_different(equal, element.type_id(), value.type_id())? {
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

/// Elements of different types, which nobody taught to compare, are different and no error. By their
/// types after the comparison, as Rhai does.
fn or_different(equal: Answer<bool>, a: TypeId, b: TypeId) -> Answer<bool> {
    match equal {
        Err(error)
            if a != b
                && matches!(&*error, EvalAltResult::ErrorFunctionNotFound(name, _) if name.starts_with("==")) =>
        {
            Ok(false)
        }
        answer => answer,
    }
}

fn equal(context: &NativeCallContext<'_>, a: &mut Dynamic, b: &mut Dynamic) -> Answer<bool> {
    breathe()?;
    Ok(context.call_native_fn_raw("==", true, &mut [a, b])?.as_bool().unwrap_or(false))
}

fn print_array(context: &NativeCallContext<'_>, array: &mut Array) -> Answer<ImmutableString> {
    let mut text = "[".to_owned();
    for (index, element) in array.iter_mut().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        text.push_str(&printed(context, element)?);
    }
    text.push(']');
    Ok(text.into())
}

fn print_map(context: &NativeCallContext<'_>, map: &mut Map) -> Answer<ImmutableString> {
    let mut text = "#{".to_owned();
    for (index, (key, value)) in map.iter_mut().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        let _ = write!(text, "{key:?}: "); // a string takes all
        text.push_str(&printed(context, value)?);
    }
    text.push('}');
    Ok(text.into())
}

/// One element, as `to_debug` tells it.
fn printed(context: &NativeCallContext<'_>, value: &mut Dynamic) -> Answer<ImmutableString> {
    breathe()?;
    match context.call_native_fn_raw("to_debug", true, &mut [value]) {
        Ok(text) if text.is_string() => Ok(text.into_immutable_string().unwrap_or_default()),
        Ok(other) => Ok(context.engine().map_type_name(other.type_name()).into()),
        Err(error) if matches!(*error, EvalAltResult::ErrorTerminated(..)) => Err(error),
        Err(_) => Ok(context.engine().map_type_name(&format!("{value:?}")).into()),
    }
}
