use rhai::{Array, Blob, Dynamic, Engine, ImmutableString, Map, NativeCallContext};

use super::sizes::SizeLimits;
use super::text_writer::{Incomplete, LEFT_OUT, TextWriter};
use super::walk::{Part, Walk};
use crate::call::CallError;
use crate::metering::Budget;
use crate::script::error::{LimitExceeded, NativeResult, Size, TooLarge};
use crate::script::run::{End, ScriptRun};

/// The deepest nesting that is written out.
const MAX_DEPTH: usize = 1_000;

/// The longest text of a value in an error, in bytes.
const MAX_ERROR_TEXT: usize = 4 * 1024;

/// Replaces those of Rhai's functions that make a text of all that is in a value. They mean the same, and
/// stop at a limit: that of strings, or where the text only goes to the log, that of the log.
///
/// Rhai looks at the size of a text when it is there.
pub(crate) fn register(engine: &mut Engine) {
    engine.register_fn("to_string", |context: NativeCallContext<'_>, map: &mut Map| {
        error_line(&context, map).unwrap_or_else(|| string(&context, map))
    });
    engine.register_fn("print", |context: NativeCallContext<'_>, map: &mut Map| {
        error_line(&context, map).map_or_else(|| line(&context, map), Ok)
    });
    engine.register_fn("to_debug", |context: NativeCallContext<'_>, map: &mut Map| string(&context, map));
    engine.register_fn("debug", |context: NativeCallContext<'_>, map: &mut Map| line(&context, map));
    for name in ["to_string", "to_debug"] {
        engine.register_fn(name, |context: NativeCallContext<'_>, array: &mut Array| string(&context, array));
        engine.register_fn(name, |context: NativeCallContext<'_>, blob: &mut Blob| string(&context, blob));
    }
    for name in ["print", "debug"] {
        engine.register_fn(name, |context: NativeCallContext<'_>, array: &mut Array| line(&context, array));
        engine.register_fn(name, |context: NativeCallContext<'_>, blob: &mut Blob| line(&context, blob));
    }
    // With quotes and escapes, which Rhai adds character by character.
    engine.register_fn("to_debug", |context: NativeCallContext<'_>, mut text: ImmutableString| {
        string(&context, &mut text)
    });
    engine.register_fn("debug", |context: NativeCallContext<'_>, mut text: ImmutableString| {
        line(&context, &mut text)
    });
}

/// What a script threw, as text. Unlike elsewhere, what a closure has captured is part of it.
pub(crate) fn error_text(value: &Dynamic) -> String {
    let mut writer = TextWriter::new(MAX_ERROR_TEXT, None);
    // Each value takes a byte or more.
    let walk = Walk::new(MAX_DEPTH, MAX_ERROR_TEXT).at_once();
    let written = walk.visit(value, |part| match part {
        Part::Text(text) => writer.push(text),
        Part::Unit => Ok(()),
        part => writer.write_part(&walk, part),
    });
    let mut text = writer.into_text();
    if written.is_err() {
        text.push_str(LEFT_OUT);
    }
    text
}

/// How long the text of a value is that Rhai is about to write out by itself, in bytes.
///
/// # Errors
/// The text is longer than a string may be, or the value contains itself or is nested deeper than is written out. No
/// `try` catches that.
pub(crate) fn check_text(engine: &Engine, value: &Dynamic) -> NativeResult<usize> {
    let mut writer = TextWriter::new(SizeLimits::of(engine).text(), None);
    match writer.write(&Walk::new(MAX_DEPTH, usize::MAX), value) {
        Ok(()) if writer.has_left_out() => {
            let what = "a value that becomes text contains itself, or is nested too deep";
            Err(LimitExceeded::fixed(what, MAX_DEPTH).into())
        }
        Ok(()) => Ok(writer.into_text().len()),
        Err(Incomplete::Full) => Err(TooLarge::unknown(Size::Text).into()),
        Err(Incomplete::Halted(halt)) => Err(halt.into()),
    }
}

/// What an error that a script has caught of a call reads, where it is not written as it would stand in a script.
fn error_line(context: &NativeCallContext<'_>, map: &Map) -> Option<ImmutableString> {
    let text = CallError::text_of_caught(map)?;
    // Rhai would end the script for a longer one.
    (text.len() <= SizeLimits::of(context.engine()).text()).then(|| text.into())
}

/// A container, or a string, whose text is made.
trait Container: Default {
    fn part(&self) -> Part<'_>;
}

impl Container for Array {
    fn part(&self) -> Part<'_> {
        Part::Array(self)
    }
}

impl Container for Map {
    fn part(&self) -> Part<'_> {
        Part::Map(self)
    }
}

impl Container for Blob {
    fn part(&self) -> Part<'_> {
        Part::Blob(self)
    }
}

impl Container for ImmutableString {
    fn part(&self) -> Part<'_> {
        Part::Text(self)
    }
}

/// The text of a container, if it and the text are within the limits. Otherwise the script ends.
///
/// This answers with no error, since Rhai takes one for a reason to make the text by itself. For the same reason
/// nothing is left in a container that is too large.
fn string<T: Container>(context: &NativeCallContext<'_>, container: &mut T) -> ImmutableString {
    let limits = SizeLimits::of(context.engine());
    let mut writer = TextWriter::new(limits.text(), Some(context));
    let written = writer.write_part(&Walk::new(MAX_DEPTH, usize::MAX), container.part());
    let too_large = match written {
        Ok(()) => limits.exceeded(writer.sizes()),
        Err(Incomplete::Full) => Some(TooLarge::unknown(Size::Text)),
        Err(Incomplete::Halted(_)) => None,
    };
    if let Some(what) = too_large {
        ScriptRun::with_current(|run| run.end_with(End::TooLarge(what)));
        Budget::request_check();
    } else if written.is_ok() {
        return writer.into_text().into();
    }
    *container = T::default();
    ImmutableString::new()
}

/// The text of a container for the log, or as much of it as does not fit there.
fn line<T: Container>(context: &NativeCallContext<'_>, container: &mut T) -> NativeResult<ImmutableString> {
    let max = ScriptRun::with_current(|run| run.config().limits.max_log_bytes).unwrap_or_default();
    let mut writer = TextWriter::new(max, Some(context));
    let written = writer.write_part(&Walk::new(MAX_DEPTH, usize::MAX), container.part());
    let mut text = writer.into_text();
    match written {
        Ok(()) => {}
        // Longer than the log may be, so that the log says that something is missing.
        Err(Incomplete::Full) => text.push_str(LEFT_OUT),
        Err(Incomplete::Halted(halt)) => return Err(halt.into()),
    }
    Ok(text.into())
}
