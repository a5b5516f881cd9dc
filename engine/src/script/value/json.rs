use std::fmt::{self, Write};

use rhai::{Dynamic, Engine, EvalAltResult, Map, NativeCallContext, Position};

use super::sizes::SizeLimits;
use super::{Part, Walk};
use crate::Secret;
use crate::request::LimitExceeded;

type Answer<T> = Result<T, Box<EvalAltResult>>;

/// The deepest nesting that is written.
const MAX_DEPTH: usize = 1_000;

/// Replaces Rhai's `to_json`, which looks at the size of its text when that is there, and has no end for a value
/// that contains itself. It means the same, and a [`Secret`] is `"[secret]"`.
pub(crate) fn register(engine: &mut Engine) {
    engine.register_fn("to_json", |context: NativeCallContext<'_>, map: &mut Map| {
        let max = SizeLimits::of(context.engine()).text();
        let walk = Walk::new(MAX_DEPTH, usize::MAX);
        let mut json = JsonText { text: String::new(), walk: &walk, max };
        json.write_part(Part::Map(map))?;
        Ok::<_, Box<EvalAltResult>>(json.text)
    });
}

struct JsonText<'a> {
    text: String,
    walk: &'a Walk,
    /// The most bytes.
    max: usize,
}

impl JsonText<'_> {
    fn write(&mut self, value: &Dynamic) -> Answer<()> {
        self.walk.visit(value, |part| self.write_part(part))
    }

    fn write_part(&mut self, part: Part<'_>) -> Answer<()> {
        match part {
            Part::Unit => self.push("null"),
            Part::Int(int) => self.format(format_args!("{int}")),
            Part::Text(text) => self.format(format_args!("{:?}", text.as_str())),
            Part::Blob(blob) => self.list('[', blob, ']', |json, byte| json.format(format_args!("{byte}"))),
            Part::Array(array) => self.list('[', array, ']', Self::write),
            Part::Map(map) => self.list('{', map, '}', |json, (key, value)| {
                json.format(format_args!("{key:?}:"))?;
                json.write(value)
            }),
            Part::Function(function) if function.is_curried() => {
                self.format(format_args!("[{:?}", function.fn_name()))?;
                for captured in function.iter_curry() {
                    self.push(",")?;
                    self.write(captured)?;
                }
                self.push("]")
            }
            Part::Function(function) => self.format(format_args!("{:?}", function.fn_name())),
            Part::Secret => self.format(format_args!("{:?}", Secret::REDACTED)),
            Part::Bool(bool) => self.format(format_args!("{bool}")),
            Part::Float(float) => self.format(format_args!("{:?}", Dynamic::from_float(float))),
            Part::Char(char) => self.format(format_args!("{char:?}")),
            Part::Other(value) => self.format(format_args!("{value:?}")),
            Part::Cycle => Err("to_json: the map contains itself".into()),
            Part::TooDeep => {
                Err(LimitExceeded { what: "the map is nested too deep", limit: MAX_DEPTH }.into())
            }
        }
    }

    fn list<T>(
        &mut self,
        open: char,
        elements: impl IntoIterator<Item = T>,
        close: char,
        mut write: impl FnMut(&mut Self, T) -> Answer<()>,
    ) -> Answer<()> {
        self.push(open.encode_utf8(&mut [0; 4]))?;
        for (index, element) in elements.into_iter().enumerate() {
            if index > 0 {
                self.push(",")?;
            }
            write(self, element)?;
        }
        self.push(close.encode_utf8(&mut [0; 4]))
    }

    fn push(&mut self, text: &str) -> Answer<()> {
        self.write_str(text)
            .map_err(|_| EvalAltResult::ErrorDataTooLarge(SizeLimits::TEXT.to_owned(), Position::NONE).into())
    }

    fn format(&mut self, arguments: fmt::Arguments<'_>) -> Answer<()> {
        self.write_fmt(arguments)
            .map_err(|_| EvalAltResult::ErrorDataTooLarge(SizeLimits::TEXT.to_owned(), Position::NONE).into())
    }
}

impl Write for JsonText<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() > self.max - self.text.len().min(self.max) {
            return Err(fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }
}
