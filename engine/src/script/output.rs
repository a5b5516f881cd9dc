use std::cell::{Cell, RefCell};

use super::Secret;
use super::limit::raise;
use rhai::Dynamic;
use rhai_dispatcher_core::{Json, Output, TaskError, TaskErrorKind};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

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
    let too_long =
        || format!("the result has more than {max_bytes} bytes of JSON; {}", raise("max_output_bytes"));
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
    let conversion = Conversion { left: Cell::new(max_bytes), error: RefCell::default() };
    let too_long = || TaskError::new(TaskErrorKind::Limit, too_long());
    match Json::of(&Node { value, depth: 0, conversion: &conversion }) {
        Ok(json) if json.as_str().len() > max_bytes => Err(too_long()),
        Ok(json) => Ok(json),
        Err(error) => Err(match conversion.error.take() {
            Some(Problem::TooLong) => too_long(),
            Some(Problem::TooDeep) => TaskError::new(
                TaskErrorKind::Limit,
                format!("{what} is nested more than {MAX_DEPTH} levels deep"),
            ),
            Some(Problem::NoForm { what: part, path }) => {
                let has_at = if path.is_empty() { "" } else { " has at " };
                let verb = if path.is_empty() { " is " } else { " " };
                let path: String = path.into_iter().rev().collect();
                TaskError::new(
                    TaskErrorKind::Output,
                    format!("{what}{has_at}{path}{verb}{part}, which has no JSON form"),
                )
            }
            None => TaskError::new(TaskErrorKind::Output, error.to_string()),
        }),
    }
}

/// What the nodes of one value share.
struct Conversion {
    /// Bytes that may still be written, at least.
    left: Cell<usize>,
    /// Why the conversion failed; serde's own errors are only text.
    error: RefCell<Option<Problem>>,
}

enum Problem {
    TooLong,
    TooDeep,
    NoForm {
        what: String,
        /// The segments of the path, innermost first.
        path: Vec<String>,
    },
}

struct Node<'a> {
    value: &'a Dynamic,
    depth: usize,
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
        Node { value, depth: self.depth + 1, conversion: self.conversion }
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
        let value = self.value;
        self.spend(1)?;
        if let Ok(int) = value.as_int() {
            return serializer.serialize_i64(int);
        }
        if let Ok(text) = value.as_immutable_string_ref() {
            self.spend(text.len())?;
            return serializer.serialize_str(&text);
        }
        if value.is_unit() {
            return serializer.serialize_unit();
        }
        if let Ok(bool) = value.as_bool() {
            return serializer.serialize_bool(bool);
        }
        if let Ok(float) = value.as_float() {
            if !float.is_finite() {
                return Err(self.no_form(format!("the number {float}")));
            }
            return serializer.serialize_f64(float);
        }
        if let Ok(char) = value.as_char() {
            return serializer.serialize_char(char);
        }
        if let Ok(array) = value.as_array_ref() {
            self.check_depth()?;
            let mut seq = serializer.serialize_seq(Some(array.len()))?;
            for (index, element) in array.iter().enumerate() {
                let written = seq.serialize_element(&self.child(element));
                self.within(written, || format!("[{index}]"))?;
            }
            return seq.end();
        }
        if let Ok(map) = value.as_map_ref() {
            self.check_depth()?;
            let mut object = serializer.serialize_map(Some(map.len()))?;
            for (key, property) in map.iter() {
                self.spend(key.len())?;
                let written = object.serialize_entry(key.as_str(), &self.child(property));
                self.within(written, || format!(".{key}"))?;
            }
            return object.end();
        }
        if value.is::<Secret>() {
            return serializer.serialize_str(Secret::REDACTED);
        }
        Err(self.no_form(describe(value)))
    }
}

impl Node<'_> {
    fn check_depth<E: serde::ser::Error>(&self) -> Result<(), E> {
        if self.depth >= MAX_DEPTH {
            return Err(self.fail(Problem::TooDeep));
        }
        Ok(())
    }
}

/// What a value without a JSON form is, in words.
fn describe(value: &Dynamic) -> String {
    if value.is_fnptr() {
        "a function pointer".to_owned()
    } else if value.is_timestamp() {
        "a timestamp".to_owned()
    } else if value.is_blob() {
        "a blob".to_owned()
    } else if value.is::<std::ops::Range<rhai::INT>>() || value.is::<std::ops::RangeInclusive<rhai::INT>>() {
        "a range".to_owned()
    } else {
        format!("a value of type `{}`", value.type_name())
    }
}
