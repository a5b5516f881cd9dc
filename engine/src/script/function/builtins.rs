use rhai::{Array, Dynamic, Engine, INT, ImmutableString};
use rhai_dispatcher_core::integer_beyond_i64;

use crate::script::error::{LimitExceeded, NativeResult, Size, TooLarge};

/// Replaces those of Rhai's functions that would hold the lane's thread for tens of milliseconds at
/// the limits of sizes, since nothing yields inside of them. They mean the same.
///
/// Rhai looks at the size of a result when it is there: `split` of half a megabyte of commas makes as
/// many strings first; and its `parse_json` compares
/// each key with all those before it.
pub(crate) fn register(engine: &mut Engine) {
    let arrays = engine.max_array_size();
    engine.register_fn("split", move |text: &str, by: &str| take_apart(text, text.split(by), arrays));
    engine.register_fn("split", move |text: &str, by: char| take_apart(text, text.split(by), arrays));
    engine.register_fn("split", move |text: &str| take_apart(text, text.split_whitespace(), arrays));
    engine.register_fn("split", move |text: &str, by: &str, parts: INT| {
        take_apart(text, text.splitn(at_least_one(parts), by), arrays)
    });
    engine.register_fn("split", move |text: &str, by: char, parts: INT| {
        take_apart(text, text.splitn(at_least_one(parts), by), arrays)
    });
    engine.register_fn("split_rev", move |text: &str, by: &str| take_apart(text, text.rsplit(by), arrays));
    engine.register_fn("split_rev", move |text: &str, by: char| take_apart(text, text.rsplit(by), arrays));
    engine.register_fn("split_rev", move |text: &str, by: &str, parts: INT| {
        take_apart(text, text.rsplitn(at_least_one(parts), by), arrays)
    });
    engine.register_fn("split_rev", move |text: &str, by: char, parts: INT| {
        take_apart(text, text.rsplitn(at_least_one(parts), by), arrays)
    });
    engine.register_fn("to_chars", move |text: &str| collect(text.chars(), arrays));

    engine.register_fn("crop", |text: &mut ImmutableString, start: INT, len: INT| crop(text, start, len));
    engine.register_fn("crop", |text: &mut ImmutableString, start: INT| crop(text, start, INT::MAX));
    engine.register_fn("remove", |text: &mut ImmutableString, what: char| {
        *text = text.replace(what, "").into();
    });
    engine.register_fn("parse_json", parse_json);
}

/// The parts of a text; of an empty one, itself, however it is taken apart.
fn take_apart<'a>(text: &'a str, parts: impl Iterator<Item = &'a str>, max: usize) -> NativeResult<Array> {
    if text.is_empty() { Ok(vec![text.into()]) } else { collect(parts, max) }
}

/// At most `max` elements, if that is not zero.
fn collect(parts: impl Iterator<Item: Into<Dynamic>>, max: usize) -> NativeResult<Array> {
    let max = if max == 0 { usize::MAX } else { max };
    let array: Array = parts.take(max.saturating_add(1)).map(Into::into).collect();
    if array.len() > max { Err(TooLarge::unknown(Size::Array).into()) } else { Ok(array) }
}

fn at_least_one(parts: INT) -> usize {
    if parts <= 1 { 1 } else { usize::try_from(parts).unwrap_or(usize::MAX) }
}

/// Keeps `len` characters from `start` on, which is counted from the end if it is negative.
fn crop(text: &mut ImmutableString, start: INT, len: INT) {
    let start = match usize::try_from(start) {
        Ok(start) => start,
        Err(_) => {
            let back = usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX);
            text.chars().count().saturating_sub(back)
        }
    };
    let len = usize::try_from(len).unwrap_or(0);
    let begin = text.char_indices().nth(start).map_or(text.len(), |(at, _)| at);
    let kept = &text[begin..];
    let end = kept.char_indices().nth(len).map_or(kept.len(), |(at, _)| at);
    *text = kept[..end].into();
}

/// Any JSON, also such as is not an object, which Rhai's own refuses: answers of servers are of all kinds. Of
/// properties with the same name the last one counts; to Rhai's own that is an error. A whole number beyond 64
/// bits is an error: as a float it would be another number.
fn parse_json(json: &str) -> NativeResult<Dynamic> {
    let value = serde_json::from_str(json).map_err(|error| match error.to_string() {
        text if text.starts_with("recursion limit") => {
            LimitExceeded::fixed("the JSON is nested too deep", 127).into()
        }
        text => format!("parse_json: {text}").into(),
    });
    match integer_beyond_i64(json) {
        Some(number) if value.is_ok() => Err(too_large_integer(number).into()),
        _ => value,
    }
}

fn too_large_integer(number: &str) -> String {
    format!(
        "parse_json: the whole number {number:.64} is beyond 64 bits with a sign; have it sent as a string, or with a fraction"
    )
}

#[cfg(test)]
mod tests;
