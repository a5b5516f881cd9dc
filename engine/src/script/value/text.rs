use std::fmt::{self, Write};

use rhai::{
    Array, Blob, Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, Map, NativeCallContext, Position,
};

use super::sizes::{SizeLimits, Sizes};
use super::{Halt, Part, Walk};
use crate::Secret;
use crate::call::CallError;
use crate::request::LimitExceeded;
use crate::script::ScriptRun;
use crate::script::script_run::End;

/// The deepest nesting that is written out.
const MAX_DEPTH: usize = 1_000;

/// What stands where a value contains itself, or is nested deeper than is written out.
const LEFT_OUT: &str = "…";

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
    let mut writer = Writer::new(MAX_ERROR_TEXT, None);
    // Each value takes a byte or more.
    let walk = Walk::new(MAX_DEPTH, MAX_ERROR_TEXT).at_once();
    let written = walk.visit(value, |part| match part {
        Part::Text(text) => writer.push(text),
        Part::Unit => Ok(()),
        part => writer.write_part(&walk, part),
    });
    if written.is_err() {
        writer.text.push_str(LEFT_OUT);
    }
    writer.text
}

/// How long the text of a value is that Rhai is about to write out by itself, in bytes.
///
/// # Errors
/// The text is longer than a string may be, or the value contains itself or is nested deeper than is written out. No
/// `try` catches that.
pub(crate) fn check_text(engine: &Engine, value: &Dynamic) -> Result<usize, Box<EvalAltResult>> {
    let mut writer = Writer::new(SizeLimits::of(engine).text(), None);
    match writer.write(&Walk::new(MAX_DEPTH, usize::MAX), value) {
        Ok(()) if writer.left_out => Err(LimitExceeded {
            what: "a value that becomes text contains itself, or is nested too deep",
            limit: MAX_DEPTH,
        }
        .into()),
        Ok(()) => Ok(writer.text.len()),
        Err(Stop::Full) => {
            Err(EvalAltResult::ErrorDataTooLarge(SizeLimits::TEXT.to_owned(), Position::NONE).into())
        }
        Err(Stop::Halted(halt)) => Err(halt.into()),
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
    let mut writer = Writer::new(limits.text(), Some(context));
    let written = writer.write_part(&Walk::new(MAX_DEPTH, usize::MAX), container.part());
    let too_large = match written {
        Ok(()) => limits.exceeded(&writer.sizes),
        Err(Stop::Full) => Some(SizeLimits::TEXT),
        Err(Stop::Halted(_)) => None,
    };
    if let Some(what) = too_large {
        ScriptRun::with_current(|run| run.end_with(End::TooLarge(what)));
        crate::script::look_next();
    } else if written.is_ok() {
        return writer.text.into();
    }
    *container = T::default();
    ImmutableString::new()
}

/// The text of a container for the log, or as much of it as does not fit there.
fn line<T: Container>(
    context: &NativeCallContext<'_>,
    container: &mut T,
) -> Result<ImmutableString, Box<EvalAltResult>> {
    let max = ScriptRun::with_current(|run| run.config().max_log_bytes).unwrap_or_default();
    let mut writer = Writer::new(max, Some(context));
    match writer.write_part(&Walk::new(MAX_DEPTH, usize::MAX), container.part()) {
        Ok(()) => {}
        // Longer than the log may be, so that the log says that something is missing.
        Err(Stop::Full) => writer.text.push_str(LEFT_OUT),
        Err(Stop::Halted(halt)) => return Err(halt.into()),
    }
    Ok(writer.text.into())
}

/// A text that grows up to a limit.
struct Writer<'a> {
    text: String,
    max: usize,
    /// What has been written.
    sizes: Sizes,
    /// Knows how values of registered types read. Without it, they read as Rhai has it, and closures tell what they
    /// have captured.
    context: Option<&'a NativeCallContext<'a>>,
    /// Bytes of a blob or a string that may be written until others have a turn.
    until_tick: usize,
    /// Whether [`LEFT_OUT`] stands for a part.
    left_out: bool,
}

/// Why a text ends early.
enum Stop {
    /// It is as long as it may be.
    Full,
    Halted(Halt),
}

impl From<Halt> for Stop {
    fn from(halt: Halt) -> Self {
        Self::Halted(halt)
    }
}

impl<'a> Writer<'a> {
    fn new(max: usize, context: Option<&'a NativeCallContext<'a>>) -> Self {
        Self {
            text: String::new(),
            max,
            sizes: Sizes::default(),
            context,
            until_tick: TICK_EVERY,
            left_out: false,
        }
    }

    fn push(&mut self, text: &str) -> Result<(), Stop> {
        let room = self.max - self.text.len().min(self.max);
        if text.len() > room {
            self.text.push_str(&text[..text.floor_char_boundary(room)]);
            return Err(Stop::Full);
        }
        self.text.push_str(text);
        Ok(())
    }

    fn write(&mut self, walk: &Walk, value: &Dynamic) -> Result<(), Stop> {
        walk.visit(value, |part| self.write_part(walk, part))
    }

    /// Writes a value as `to_debug` tells it.
    fn write_part(&mut self, walk: &Walk, part: Part<'_>) -> Result<(), Stop> {
        match part {
            Part::Unit => self.push("()"),
            Part::Bool(bool) => self.push(if bool { "true" } else { "false" }),
            Part::Int(int) => self.format(walk, format_args!("{int}")),
            Part::Float(float) => self.format(walk, format_args!("{:?}", Dynamic::from_float(float))),
            Part::Char(char) => self.push(char.encode_utf8(&mut [0; 4])),
            Part::Text(text) => {
                self.sizes.add_text(text.len());
                self.format(walk, format_args!("{:?}", text.as_str()))
            }
            Part::Blob(blob) => {
                self.sizes.add_array(blob.len());
                self.write_blob(walk, blob)
            }
            Part::Array(array) => {
                self.sizes.add_array(array.len());
                self.push("[")?;
                for (index, element) in array.iter().enumerate() {
                    if index > 0 {
                        self.push(", ")?;
                    }
                    self.write(walk, element)?;
                }
                self.push("]")
            }
            Part::Map(map) => {
                self.sizes.add_map(map.len());
                self.push("#{")?;
                for (index, (key, value)) in map.iter().enumerate() {
                    if index > 0 {
                        self.push(", ")?;
                    }
                    self.format(walk, format_args!("{:?}: ", key.as_str()))?;
                    self.write(walk, value)?;
                }
                self.push("}")
            }
            Part::Function(function) => self.write_function(walk, function),
            Part::Secret => self.push(Secret::REDACTED),
            Part::Other(value) => self.write_other(value),
            Part::Cycle | Part::TooDeep => {
                self.left_out = true;
                self.push(LEFT_OUT)
            }
        }
    }

    fn write_function(&mut self, walk: &Walk, function: &FnPtr) -> Result<(), Stop> {
        self.push("Fn(")?;
        self.push(function.fn_name())?;
        if self.context.is_none() {
            for captured in function.iter_curry() {
                self.push(", ")?;
                self.write(walk, captured)?;
            }
        }
        self.push(")")
    }

    fn write_blob(&mut self, walk: &Walk, blob: &Blob) -> Result<(), Stop> {
        self.push("[")?;
        for (index, bytes) in blob.chunks(8).enumerate() {
            if index > 0 {
                self.push(" ")?;
            }
            for byte in bytes {
                let digits =
                    [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]));
                self.format(walk, format_args!("{}{}", digits[0], digits[1]))?;
            }
        }
        self.push("]")
    }

    /// Writes a value of a type that Rhai does not know, or knows nothing of the parts of.
    fn write_other(&mut self, value: &Dynamic) -> Result<(), Stop> {
        let Some(context) = self.context else {
            return self.push(&value.to_string()); // its type's name
        };
        match context.call_native_fn_raw("to_debug", true, &mut [&mut value.clone()]) {
            Ok(text) if text.is_string() => self.push(&text.into_immutable_string().unwrap_or_default()),
            Ok(other) => self.push(context.engine().map_type_name(other.type_name())),
            Err(error) => match *error {
                EvalAltResult::ErrorTerminated(token, _) => Err(Halt::Ended(token).into()),
                _ => self.push(context.engine().map_type_name(&format!("{value:?}"))),
            },
        }
    }

    fn format(&mut self, walk: &Walk, arguments: fmt::Arguments<'_>) -> Result<(), Stop> {
        let mut sink = Sink { writer: self, walk, stop: None };
        match sink.write_fmt(arguments) {
            Ok(()) => Ok(()),
            Err(fmt::Error) => Err(sink.stop.unwrap_or(Stop::Full)),
        }
    }
}

/// Bytes of one string or blob from one tick to the next; they take some 50 µs.
const TICK_EVERY: usize = 32 * 1024;

/// Where formatted text goes.
struct Sink<'w, 'a> {
    writer: &'w mut Writer<'a>,
    walk: &'w Walk,
    /// Why it takes no more.
    stop: Option<Stop>,
}

impl Write for Sink<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut result = self.writer.push(text);
        match self.writer.until_tick.checked_sub(text.len().max(1)) {
            Some(left) => self.writer.until_tick = left,
            None => {
                self.writer.until_tick = TICK_EVERY;
                result = result.and_then(|()| Ok(self.walk.count(0)?));
            }
        }
        result.map_err(|stop| {
            self.stop = Some(stop);
            fmt::Error
        })
    }
}
