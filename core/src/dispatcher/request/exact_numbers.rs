use std::fmt::{self, Display};

use serde::Serialize;
use serde::ser::{self, Serializer};

/// Checks that every number in `value` arrives in a script as it is: integers of at most 64 bits with a sign, and
/// finite floats. Without it `u64::MAX` would arrive as a float, and `NaN` as unit.
///
/// # Errors
/// The first number that does not fit, in words. A `Serialize` that fails by itself is none of this check's.
pub(super) fn check_numbers(value: &impl Serialize) -> Result<(), String> {
    match value.serialize(Check) {
        Err(Found::Number(problem)) => Err(problem),
        Err(Found::Other) | Ok(()) => Ok(()),
    }
}

/// Visits a value and keeps nothing of it.
#[derive(Clone, Copy)]
struct Check;

/// Why a visit ended early.
#[derive(Debug)]
enum Found {
    /// A number that does not fit.
    Number(String),
    /// An error of the value's own `Serialize`, which the next serializer reports.
    Other,
}

impl Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(problem) => f.write_str(problem),
            Self::Other => f.write_str("another error"),
        }
    }
}

impl std::error::Error for Found {}

impl ser::Error for Found {
    fn custom<T: Display>(_: T) -> Self {
        Self::Other
    }
}

fn integer<T: Copy + Display + TryInto<i64>>(value: T) -> Result<(), Found> {
    match value.try_into() {
        Ok(_) => Ok(()),
        Err(_) => Err(Found::Number(format!(
            "has the integer {value}, which does not fit into 64 bits with a sign"
        ))),
    }
}

fn float(value: f64) -> Result<(), Found> {
    match value.is_finite() {
        true => Ok(()),
        false => Err(Found::Number(format!("has the float {value}, which JSON does not have"))),
    }
}

/// Methods of a serializer that accept a value.
macro_rules! accept {
    ($($method:ident($($type:ty),*);)*) => {
        $(fn $method(self, $(_: $type),*) -> Result<(), Found> { Ok(()) })*
    };
}

/// Methods of a serializer that begin a compound value.
macro_rules! compounds {
    ($($method:ident($($type:ty),*) -> $compound:ident;)*) => {
        $(fn $method(self, $(_: $type),*) -> Result<Self, Found> { Ok(self) })*
    };
}

impl Serializer for Check {
    type Ok = ();
    type Error = Found;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    accept! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    fn serialize_u64(self, value: u64) -> Result<(), Found> {
        integer(value)
    }

    fn serialize_i128(self, value: i128) -> Result<(), Found> {
        integer(value)
    }

    fn serialize_u128(self, value: u128) -> Result<(), Found> {
        integer(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), Found> {
        float(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Found> {
        float(value)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Found> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Found> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Found> {
        value.serialize(self)
    }

    compounds! {
        serialize_seq(Option<usize>) -> SerializeSeq;
        serialize_tuple(usize) -> SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant;
        serialize_map(Option<usize>) -> SerializeMap;
        serialize_struct(&'static str, usize) -> SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant;
    }
}

/// The parts of a compound value, by the trait and its method for one part.
macro_rules! parts {
    ($($trait:ident::$method:ident($($key:ty)?);)*) => {
        $(
            impl ser::$trait for Check {
                type Ok = ();
                type Error = Found;

                fn $method<T: Serialize + ?Sized>(&mut self, $(_: $key,)? value: &T) -> Result<(), Found> {
                    value.serialize(*self)
                }

                fn end(self) -> Result<(), Found> {
                    Ok(())
                }
            }
        )*
    };
}

parts! {
    SerializeSeq::serialize_element();
    SerializeTuple::serialize_element();
    SerializeTupleStruct::serialize_field();
    SerializeTupleVariant::serialize_field();
    SerializeStruct::serialize_field(&'static str);
    SerializeStructVariant::serialize_field(&'static str);
}

impl ser::SerializeMap for Check {
    type Ok = ();
    type Error = Found;

    /// Keys become strings.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), Found> {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Found> {
        value.serialize(*self)
    }

    fn end(self) -> Result<(), Found> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Serialize)]
    enum Shape {
        Newtype(u64),
        Tuple(u8, f64),
        Struct { number: i128 },
    }

    #[test]
    fn numbers_that_fit_are_accepted_wherever_they_stand() {
        check_numbers(&(i64::MAX, i64::MIN, 0_u64, 1.5_f32, 1e300, f64::MAX)).expect("they fit");
        check_numbers(&BTreeMap::from([(u64::MAX, Some(1_u128)), (0, None)])).expect("keys are text");
        check_numbers(&[Shape::Newtype(1), Shape::Tuple(1, 0.5), Shape::Struct { number: -1 }])
            .expect("they fit");
    }

    #[test]
    fn numbers_that_would_change_are_refused_wherever_they_stand() {
        let problem = |value: &dyn Fn() -> Result<(), String>| value().expect_err("it does not fit");
        for refused in [
            problem(&|| check_numbers(&u64::MAX)),
            problem(&|| check_numbers(&(1, [i128::MAX]))),
            problem(&|| check_numbers(&u128::MAX)),
            problem(&|| check_numbers(&Shape::Newtype(1 << 63))),
            problem(&|| check_numbers(&Shape::Struct { number: i128::MIN })),
        ] {
            assert!(refused.contains("does not fit into 64 bits"), "{refused}");
        }
        for refused in [
            problem(&|| check_numbers(&f64::NAN)),
            problem(&|| check_numbers(&BTreeMap::from([("a", vec![f32::INFINITY])]))),
            problem(&|| check_numbers(&Shape::Tuple(1, f64::NEG_INFINITY))),
            problem(&|| check_numbers(&Some(f64::NAN))),
        ] {
            assert!(refused.contains("JSON does not have"), "{refused}");
        }
    }
}
