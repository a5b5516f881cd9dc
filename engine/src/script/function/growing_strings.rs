use rhai::{Blob, Dynamic, Engine, INT, ImmutableString, NativeCallContext};

use crate::metering::Budget;
use crate::script::error::{NativeResult, Size, TooLarge};

/// The most bytes of a string, or 0 for no limit.
#[derive(Clone, Copy)]
struct MaxBytes(usize);

/// Replaces those of Rhai's functions that make a string longer. They mean the same.
///
/// Rhai appends to strings character by character, and checks their length afterwards. It does not check the string that
/// a part is put back into: `s[0..2].append(s)` doubles `s`. So each new length is noted in the [`Budget`].
pub(crate) fn register(engine: &mut Engine) {
    let limit = MaxBytes(engine.max_string_size());
    engine.register_fn(
        "append",
        move |context: NativeCallContext<'_>, text: &mut ImmutableString, item: Dynamic| {
            let item = match item.is_string() {
                true => item.cast::<ImmutableString>(),
                false => context.call_native_fn("to_string", (item,))?,
            };
            append(text, &item, limit)
        },
    );
    engine.register_fn("append", move |text: &mut ImmutableString, bytes: Blob| {
        append(text, &String::from_utf8_lossy(&bytes), limit)
    });
    engine.register_fn("pad", move |text: &mut ImmutableString, len: INT, with: char| {
        pad(text, len, with.encode_utf8(&mut [0; 4]), limit)
    });
    engine.register_fn("pad", move |text: &mut ImmutableString, len: INT, with: &str| {
        pad(text, len, with, limit)
    });
    engine.register_fn("replace", move |text: &mut ImmutableString, find: &str, with: &str| {
        replace(text, find, with, limit)
    });
    engine.register_fn("replace", move |text: &mut ImmutableString, find: char, with: &str| {
        replace(text, find.encode_utf8(&mut [0; 4]), with, limit)
    });
}

impl MaxBytes {
    fn check(self, len: usize) -> NativeResult<()> {
        if self.0 > 0 && len > self.0 { Err(TooLarge::new(Size::Text, len).into()) } else { Ok(()) }
    }

    /// Puts a longer text in the place of `text`, which may be a part of a string.
    fn put(self, text: &mut ImmutableString, longer: String) {
        Budget::assign_text(longer.len(), self.0);
        *text = longer.into();
    }
}

fn append(text: &mut ImmutableString, item: &str, limit: MaxBytes) -> NativeResult<()> {
    if !item.is_empty() {
        limit.check(text.len().saturating_add(item.len()))?;
        limit.put(text, [text.as_str(), item].concat());
    }
    Ok(())
}

/// Appends `with` until there are `len` characters; the last time a part of it may do.
fn pad(text: &mut ImmutableString, len: INT, with: &str, limit: MaxBytes) -> NativeResult<()> {
    let Ok(len) = usize::try_from(len) else { return Ok(()) };
    let missing = len.saturating_sub(text.chars().count());
    let of_with = with.chars().count();
    if missing == 0 || of_with == 0 {
        return Ok(());
    }
    let (whole, rest) = (missing / of_with, missing % of_with);
    let rest = with.char_indices().nth(rest).map_or(0, |(end, _)| end);
    let bytes = with.len().saturating_mul(whole).saturating_add(rest + text.len());
    limit.check(bytes)?;
    let mut padded = String::with_capacity(bytes);
    padded.push_str(text);
    for _ in 0..whole {
        padded.push_str(with);
    }
    padded.push_str(&with[..rest]);
    limit.put(text, padded);
    Ok(())
}

fn replace(text: &mut ImmutableString, find: &str, with: &str, limit: MaxBytes) -> NativeResult<()> {
    let found = text.matches(find).count();
    if with.len() > find.len() {
        limit.check(text.len().saturating_add(found.saturating_mul(with.len() - find.len())))?;
    }
    if found > 0 && !text.is_empty() {
        limit.put(text, text.replace(find, with));
    }
    Ok(())
}
