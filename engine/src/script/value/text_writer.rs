use std::fmt::{self, Write};

use rhai::{Blob, Dynamic, EvalAltResult, FnPtr, NativeCallContext};

use super::sizes::Sizes;
use super::walk::{Halt, Part, Walk};
use crate::secret::Secret;

/// A text that grows up to a limit.
pub(super) struct TextWriter<'a> {
    text: String,
    max: usize,
    /// What has been written.
    sizes: Sizes,
    /// Knows how values of registered types read. Without it, they read as Rhai has it, and closures tell what they
    /// have captured.
    context: Option<&'a NativeCallContext<'a>>,
    /// Bytes of a blob or a string that may be written until the next yield point.
    until_yield: usize,
    /// Whether [`LEFT_OUT`] stands for a part.
    left_out: bool,
}

/// What stands where a value contains itself, or is nested deeper than is written out.
pub(super) const LEFT_OUT: &str = "…";

/// Bytes of one string or blob from one yield point to the next; they take some 50 µs.
const YIELD_EVERY: usize = 32 * 1024;

/// Why a text ends early.
#[derive(Debug)]
pub(super) enum Incomplete {
    /// It is as long as it may be.
    Full,
    Halted(Halt),
}

impl From<Halt> for Incomplete {
    fn from(halt: Halt) -> Self {
        Self::Halted(halt)
    }
}

impl<'a> TextWriter<'a> {
    pub(super) fn new(max: usize, context: Option<&'a NativeCallContext<'a>>) -> Self {
        Self {
            text: String::new(),
            max,
            sizes: Sizes::default(),
            context,
            until_yield: YIELD_EVERY,
            left_out: false,
        }
    }

    /// What has been written.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// How large what has been written is.
    pub(super) fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// Whether [`LEFT_OUT`] stands for a part.
    pub(super) fn has_left_out(&self) -> bool {
        self.left_out
    }

    pub(super) fn push(&mut self, text: &str) -> Result<(), Incomplete> {
        let room = self.max - self.text.len().min(self.max);
        if text.len() > room {
            self.text.push_str(&text[..text.floor_char_boundary(room)]);
            return Err(Incomplete::Full);
        }
        self.text.push_str(text);
        Ok(())
    }

    pub(super) fn write(&mut self, walk: &Walk, value: &Dynamic) -> Result<(), Incomplete> {
        walk.visit(value, |part| self.write_part(walk, part))
    }

    /// Writes a value as `to_debug` tells it.
    pub(super) fn write_part(&mut self, walk: &Walk, part: Part<'_>) -> Result<(), Incomplete> {
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

    fn write_function(&mut self, walk: &Walk, function: &FnPtr) -> Result<(), Incomplete> {
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

    fn write_blob(&mut self, walk: &Walk, blob: &Blob) -> Result<(), Incomplete> {
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
    fn write_other(&mut self, value: &Dynamic) -> Result<(), Incomplete> {
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

    fn format(&mut self, walk: &Walk, arguments: fmt::Arguments<'_>) -> Result<(), Incomplete> {
        let mut sink = Sink { writer: self, walk, stop: None };
        match sink.write_fmt(arguments) {
            Ok(()) => Ok(()),
            Err(fmt::Error) => Err(sink.stop.unwrap_or(Incomplete::Full)),
        }
    }
}

/// Where formatted text goes.
struct Sink<'w, 'a> {
    writer: &'w mut TextWriter<'a>,
    walk: &'w Walk,
    /// Why it takes no more.
    stop: Option<Incomplete>,
}

impl Write for Sink<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut result = self.writer.push(text);
        match self.writer.until_yield.checked_sub(text.len().max(1)) {
            Some(left) => self.writer.until_yield = left,
            None => {
                self.writer.until_yield = YIELD_EVERY;
                result = result.and_then(|()| Ok(self.walk.count(0)?));
            }
        }
        result.map_err(|stop| {
            self.stop = Some(stop);
            fmt::Error
        })
    }
}
