use rhai::{Array, Dynamic, EvalAltResult, Map, NativeCallContext};

use super::walk::{Part, Walk};
use crate::script::error::{LimitExceeded, NativeResult};

/// The deepest nesting of values that are compared.
const MAX_DEPTH: usize = 1_000;

/// Whether two values are equal: as `==` has it in a script, except that values of different types which nothing
/// compares are different, and no error.
///
/// # Errors
/// If nothing compares two values of one type, or they are nested too deep.
pub(crate) fn equal(context: &NativeCallContext<'_>, one: &Dynamic, other: &Dynamic) -> NativeResult<bool> {
    match Comparison::new(context).equal(one, other) {
        Err(error) if is_missing(&error) && one.type_id() != other.type_id() => Ok(false),
        answer => answer,
    }
}

/// The same for two arrays.
pub(crate) fn arrays_equal(
    context: &NativeCallContext<'_>,
    one: &Array,
    other: &Array,
) -> NativeResult<bool> {
    Comparison::new(context).arrays_equal(one, other)
}

/// The same for two maps.
pub(crate) fn maps_equal(context: &NativeCallContext<'_>, one: &Map, other: &Map) -> NativeResult<bool> {
    Comparison::new(context).maps_equal(one, other)
}

struct Comparison<'a> {
    context: &'a NativeCallContext<'a>,
    ones: Walk,
    others: Walk,
}

impl<'a> Comparison<'a> {
    fn new(context: &'a NativeCallContext<'a>) -> Self {
        Self { context, ones: Walk::new(MAX_DEPTH, usize::MAX), others: Walk::new(MAX_DEPTH, usize::MAX) }
    }

    fn equal(&self, one: &Dynamic, other: &Dynamic) -> NativeResult<bool> {
        self.ones.visit(one, |a| self.others.visit(other, |b| self.parts_equal((one, a), (other, b))))
    }

    fn parts_equal(
        &self,
        (one, a): (&Dynamic, Part<'_>),
        (other, b): (&Dynamic, Part<'_>),
    ) -> NativeResult<bool> {
        Ok(match (a, b) {
            (Part::Int(a), Part::Int(b)) => a == b,
            (Part::Text(a), Part::Text(b)) => a == b,
            (Part::Bool(a), Part::Bool(b)) => a == b,
            (Part::Char(a), Part::Char(b)) => a == b,
            (Part::Unit, Part::Unit) => true,
            (Part::Blob(a), Part::Blob(b)) => a == b,
            (Part::Array(a), Part::Array(b)) => self.arrays_equal(a, b)?,
            (Part::Map(a), Part::Map(b)) => self.maps_equal(a, b)?,
            (Part::TooDeep, _) | (_, Part::TooDeep) => {
                let what = "the values to compare are nested too deep";
                return Err(LimitExceeded::fixed(what, MAX_DEPTH).into());
            }
            (Part::Cycle, _) | (_, Part::Cycle) => return Err("a value contains itself".into()),
            _ => return self.natively(one, other),
        })
    }

    fn arrays_equal(&self, one: &Array, other: &Array) -> NativeResult<bool> {
        if one.len() != other.len() {
            return Ok(false);
        }
        for (a, b) in one.iter().zip(other) {
            let equal = match self.equal(a, b) {
                // As Rhai has it, also for an array or a map in an array; but not for a property of a map.
                Err(error)
                    if is_missing(&error) && (a.is_array() || a.is_map() || a.type_id() != b.type_id()) =>
                {
                    false
                }
                answer => answer?,
            };
            if !equal {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn maps_equal(&self, one: &Map, other: &Map) -> NativeResult<bool> {
        if one.len() != other.len() {
            return Ok(false);
        }
        for (key, a) in one {
            let Some(b) = other.get(key) else { return Ok(false) };
            if !self.equal(a, b)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Asks the function that compares values of these types, if there is one.
    fn natively(&self, one: &Dynamic, other: &Dynamic) -> NativeResult<bool> {
        let (mut one, mut other) = (one.flatten_clone(), other.flatten_clone());
        let equal = self.context.call_native_fn_raw("==", true, &mut [&mut one, &mut other])?;
        Ok(equal.as_bool().unwrap_or(false))
    }
}

/// Whether the error says that nothing compares two values.
fn is_missing(error: &EvalAltResult) -> bool {
    matches!(error, EvalAltResult::ErrorFunctionNotFound(name, _) if name.starts_with("=="))
}
