use rhai::{Dynamic, EvalAltResult, NativeCallContext};

use super::{Part, Walk};
use crate::request::LimitExceeded;

type Answer<T> = Result<T, Box<EvalAltResult>>;

/// The deepest nesting of values that are compared.
const MAX_DEPTH: usize = 1_000;

/// Whether two values are equal: as `==` has it in a script, except that values of different types which nothing
/// compares are different, and no error.
///
/// # Errors
/// If nothing compares two values of one type, or they are nested too deep.
pub(crate) fn equal(context: &NativeCallContext<'_>, one: &Dynamic, other: &Dynamic) -> Answer<bool> {
    let [ones, others] = [(), ()].map(|()| Walk::new(MAX_DEPTH, usize::MAX));
    Comparison { context, ones, others }.equal(one, other)
}

struct Comparison<'a> {
    context: &'a NativeCallContext<'a>,
    ones: Walk,
    others: Walk,
}

impl Comparison<'_> {
    fn equal(&self, one: &Dynamic, other: &Dynamic) -> Answer<bool> {
        self.ones.visit(one, |a| self.others.visit(other, |b| self.parts_equal((one, a), (other, b))))
    }

    fn parts_equal(
        &self,
        (one, a): (&Dynamic, Part<'_>),
        (other, b): (&Dynamic, Part<'_>),
    ) -> Answer<bool> {
        Ok(match (a, b) {
            (Part::Int(a), Part::Int(b)) => a == b,
            (Part::Text(a), Part::Text(b)) => a == b,
            (Part::Bool(a), Part::Bool(b)) => a == b,
            (Part::Char(a), Part::Char(b)) => a == b,
            (Part::Unit, Part::Unit) => true,
            (Part::Blob(a), Part::Blob(b)) => a == b,
            (Part::Array(a), Part::Array(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (a, b) in a.iter().zip(b) {
                    if !self.equal(a, b)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Part::Map(a), Part::Map(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (key, a) in a {
                    let Some(b) = b.get(key) else { return Ok(false) };
                    if !self.equal(a, b)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Part::TooDeep, _) | (_, Part::TooDeep) => {
                let error = LimitExceeded { what: "the values to compare are nested too deep", limit: MAX_DEPTH };
                return Err(error.into());
            }
            (Part::Cycle, _) | (_, Part::Cycle) => return Err("a value contains itself".into()),
            (Part::Array(_) | Part::Map(_), _) | (_, Part::Array(_) | Part::Map(_)) => false,
            _ => return self.natively(one, other),
        })
    }

    /// Asks the function that compares values of these types, if there is one.
    fn natively(&self, one: &Dynamic, other: &Dynamic) -> Answer<bool> {
        let (mut one, mut other) = (one.flatten_clone(), other.flatten_clone());
        let of_one_type = one.type_id() == other.type_id();
        match self.context.call_native_fn_raw("==", true, &mut [&mut one, &mut other]) {
            Ok(equal) => Ok(equal.as_bool().unwrap_or(false)),
            Err(error) => match &*error {
                EvalAltResult::ErrorFunctionNotFound(name, _) if !of_one_type && name.starts_with("==") => Ok(false),
                _ => Err(error),
            },
        }
    }
}

