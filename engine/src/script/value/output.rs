use std::cell::{Cell, RefCell};
use std::io;

use rhai::Dynamic;
use rhai_dispatcher_core::{Json, Output, TaskError, TaskErrorKind};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::walk::{Halt, Part, Walk};
use crate::config::limit_name;
use crate::script::error::raise;
use crate::secret::Secret;

/// The deepest nesting of a result. serde_json reads no more than this by default, so a deeper
/// one could not be read back.
const MAX_DEPTH: usize = 127;

/// The JSON form of what a script returned.
///
/// Unit is null, a character is a string of one character, an object map is an object.
///
/// # Errors
/// Kind `output`, naming what has no JSON form and where: a function pointer, a timestamp, NaN
/// and the infinities, a blob (neither text nor array would be the same value when it came back),
/// a range, and any type that the embedder registered. Kind `limit` for a result that is too long.
pub(crate) fn output(value: &Dynamic, max_bytes: usize) -> Result<Output, TaskError> {
    let too_long = || {
        format!(
            "the result has more than {max_bytes} bytes of JSON; {}",
            raise(limit_name!(max_output_bytes))
        )
    };
    convert(value, max_bytes, "the result", too_long).map(Output::from)
}

/// The JSON form of a script's value, for native functions that send values on; `what` names the
/// value in errors. A [`Secret`] is `"[secret]"`.
///
/// # Errors
/// What has no JSON form and where it is, or that it is too long or nested too deep.
pub fn to_json(value: &Dynamic, max_bytes: usize, what: &str) -> Result<String, String> {
    let too_long = || format!("{what} has more than {max_bytes} bytes of JSON");
    let json = convert(value, max_bytes, what, too_long).map_err(|error| error.message)?;
    Ok(json.as_str().to_owned())
}

fn convert(
    value: &Dynamic,
    max_bytes: usize,
    what: &str,
    too_long: impl Fn() -> String,
) -> Result<Json, TaskError> {
    let json = encode(value, max_bytes, MAX_DEPTH).map_err(|problem| match problem {
        Problem::TooLong | Problem::Halted(Halt::TooMany) => TaskError::new(TaskErrorKind::Limit, too_long()),
        Problem::Halted(halt @ Halt::Ended(_)) => TaskError::new(TaskErrorKind::Runtime, halt.to_string()),
        Problem::TooDeep => TaskError::new(
            TaskErrorKind::Limit,
            format!("{what} is nested more than {MAX_DEPTH} levels deep"),
        ),
        problem @ Problem::NoForm { .. } => TaskError::new(TaskErrorKind::Output, problem.in_words(what)),
        Problem::Other(problem) => TaskError::new(TaskErrorKind::Output, problem),
    })?;
    Ok(Json::of_written(json))
}

/// The one encoder of script values: their JSON form, of at most `max_bytes`, and at most `max_depth` levels deep.
pub(super) fn encode(value: &Dynamic, max_bytes: usize, max_depth: usize) -> Result<String, Problem> {
    let conversion = Conversion {
        walk: Walk::new(max_depth, usize::MAX),
        left: Cell::new(max_bytes),
        error: RefCell::default(),
    };
    let mut text = BoundedText { bytes: Vec::new(), max: max_bytes, is_full: false };
    let written = serde_json::to_writer(&mut text, &Node { value, conversion: &conversion });
    match written {
        Ok(()) => String::from_utf8(text.bytes).map_err(|error| Problem::Other(error.to_string())),
        Err(_) if text.is_full => Err(Problem::TooLong),
        Err(error) => Err(conversion.error.take().unwrap_or_else(|| Problem::Other(error.to_string()))),
    }
}

/// Text that takes no more than a number of bytes.
struct BoundedText {
    bytes: Vec<u8>,
    max: usize,
    /// Whether something did not fit.
    is_full: bool,
}

impl io::Write for BoundedText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.max - self.bytes.len() {
            self.is_full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the nodes of one value share.
struct Conversion {
    walk: Walk,
    /// Bytes that may still be written, at least.
    left: Cell<usize>,
    /// Why the conversion failed; serde's own errors are only text.
    error: RefCell<Option<Problem>>,
}

/// Why a value has no JSON form.
pub(super) enum Problem {
    Halted(Halt),
    TooLong,
    TooDeep,
    NoForm {
        what: String,
        /// The segments of the path, innermost first.
        path: Vec<String>,
    },
    /// What serde_json says.
    Other(String),
}

impl Problem {
    /// What has no form, and where it is in `what`.
    pub(super) fn in_words(self, what: &str) -> String {
        match self {
            Self::NoForm { what: part, path } => {
                let has_at = if path.is_empty() { "" } else { " has at " };
                let verb = if path.is_empty() { " is " } else { " " };
                let path: String = path.into_iter().rev().collect();
                format!("{what}{has_at}{path}{verb}{part}, which has no JSON form")
            }
            Self::Halted(halt) => halt.to_string(),
            Self::TooLong => format!("{what} is too long"),
            Self::TooDeep => format!("{what} is nested too deep"),
            Self::Other(problem) => problem,
        }
    }
}

struct Node<'a> {
    value: &'a Dynamic,
    conversion: &'a Conversion,
}

impl Node<'_> {
    fn fail<E: serde::ser::Error>(&self, problem: Problem) -> E {
        *self.conversion.error.borrow_mut() = Some(problem);
        E::custom("no JSON form")
    }

    fn no_form<E: serde::ser::Error>(&self, what: impl Into<String>) -> E {
        self.fail(Problem::NoForm { what: what.into(), path: Vec::new() })
    }

    /// Counts what will be written, so that a value that shares its parts is not written out to
    /// the end before it turns out to be too long.
    fn spend<E: serde::ser::Error>(&self, bytes: usize) -> Result<(), E> {
        match self.conversion.left.get().checked_sub(bytes) {
            Some(left) => {
                self.conversion.left.set(left);
                Ok(())
            }
            None => Err(self.fail(Problem::TooLong)),
        }
    }

    fn child<'a>(&'a self, value: &'a Dynamic) -> Node<'a> {
        Node { value, conversion: self.conversion }
    }

    /// Adds where it happened to a child's error.
    fn within<T, E>(&self, result: Result<T, E>, segment: impl FnOnce() -> String) -> Result<T, E> {
        if result.is_err()
            && let Some(Problem::NoForm { path, .. }) = &mut *self.conversion.error.borrow_mut()
        {
            path.push(segment());
        }
        result
    }
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written =
            self.conversion.walk.visit(self.value, |part| Ok(self.serialize_part(part, serializer)));
        written.unwrap_or_else(|halt| Err(self.fail(Problem::Halted(halt))))
    }
}

impl Node<'_> {
    fn serialize_part<S: Serializer>(&self, part: Part<'_>, serializer: S) -> Result<S::Ok, S::Error> {
        self.spend(1)?;
        match part {
            Part::Unit => serializer.serialize_unit(),
            Part::Bool(bool) => serializer.serialize_bool(bool),
            Part::Int(int) => serializer.serialize_i64(int),
            Part::Float(float) if !float.is_finite() => Err(self.no_form(format!("the number {float}"))),
            Part::Float(float) => serializer.serialize_f64(float),
            Part::Char(char) => serializer.serialize_char(char),
            Part::Text(text) => {
                self.spend(text.len())?;
                serializer.serialize_str(text)
            }
            Part::Array(array) => {
                let mut seq = serializer.serialize_seq(Some(array.len()))?;
                for (index, element) in array.iter().enumerate() {
                    let written = seq.serialize_element(&self.child(element));
                    self.within(written, || format!("[{index}]"))?;
                }
                seq.end()
            }
            Part::Map(map) => {
                let mut object = serializer.serialize_map(Some(map.len()))?;
                for (key, property) in map {
                    self.spend(key.len())?;
                    let written = object.serialize_entry(key.as_str(), &self.child(property));
                    self.within(written, || format!(".{key}"))?;
                }
                object.end()
            }
            Part::Secret => serializer.serialize_str(Secret::REDACTED),
            Part::TooDeep => Err(self.fail(Problem::TooDeep)),
            Part::Cycle => Err(self.no_form("a value that contains itself")),
            Part::Blob(_) => Err(self.no_form("a blob")),
            Part::Function(_) => Err(self.no_form("a function pointer")),
            Part::Other(value) => Err(self.no_form(describe(value))),
        }
    }
}

/// What a value without a JSON form is, in words.
fn describe(value: &Dynamic) -> String {
    if value.is_timestamp() {
        "a timestamp".to_owned()
    } else if value.is::<std::ops::Range<rhai::INT>>() || value.is::<std::ops::RangeInclusive<rhai::INT>>() {
        "a range".to_owned()
    } else {
        format!("a value of type `{}`", value.type_name())
    }
}
