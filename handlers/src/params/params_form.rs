use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Visitor};

/// In which form a type takes its values, as serde sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ParamsForm {
    /// None, as for `()`.
    Nothing,
    /// A struct: by these names, of which some are aliases, in the order of the fields.
    Struct(&'static [&'static str]),
    /// A map, or a struct with flattened parts: by any names.
    Map,
    /// A tuple: so many, by position.
    Tuple(usize),
    /// A list, or a value of any type: an array is one value.
    Any,
    /// A number, a string, an enum or the like.
    Scalar,
    /// None: the type is an option or a newtype of itself, such as `struct T(Option<Box<T>>)`, and reading a value of it has
    /// no end.
    Endless,
}

/// How many options and newtypes may be around each other.
const MAX_DEPTH: usize = 64;

impl ParamsForm {
    pub(crate) fn of<T: DeserializeOwned>() -> Self {
        let form = RefCell::new(Self::Any);
        // It always fails, once the type has said what it wants.
        let _ = T::deserialize(Probe { form: &form, depth: 0 });
        form.into_inner()
    }
}

/// Is asked by a type for its value, and notes for which form of it.
struct Probe<'a> {
    form: &'a RefCell<ParamsForm>,
    /// How many options and newtypes are around.
    depth: usize,
}

/// It has been asked.
#[derive(Debug)]
struct Asked;

impl Probe<'_> {
    fn note<T>(self, form: ParamsForm) -> Result<T, Asked> {
        self.form.replace(form);
        Err(Asked)
    }

    /// The probe for what is in an option or a newtype.
    fn within(self) -> Result<Self, Asked> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH { self.note(ParamsForm::Endless) } else { Ok(Self { depth, ..self }) }
    }
}

macro_rules! notes {
    ($($method:ident: $form:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
            self.note(ParamsForm::$form)
        }
    )*};
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Asked;

    notes! {
        deserialize_any: Any;
        deserialize_ignored_any: Any;
        deserialize_seq: Any;
        deserialize_bool: Scalar;
        deserialize_i8: Scalar;
        deserialize_i16: Scalar;
        deserialize_i32: Scalar;
        deserialize_i64: Scalar;
        deserialize_i128: Scalar;
        deserialize_u8: Scalar;
        deserialize_u16: Scalar;
        deserialize_u32: Scalar;
        deserialize_u64: Scalar;
        deserialize_u128: Scalar;
        deserialize_f32: Scalar;
        deserialize_f64: Scalar;
        deserialize_char: Scalar;
        deserialize_str: Scalar;
        deserialize_string: Scalar;
        deserialize_bytes: Scalar;
        deserialize_byte_buf: Scalar;
        deserialize_identifier: Scalar;
        deserialize_unit: Nothing;
        deserialize_map: Map;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Asked> {
        visitor.visit_some(self.within()?)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, _: V) -> Result<V::Value, Asked> {
        self.note(ParamsForm::Nothing)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Asked> {
        visitor.visit_newtype_struct(self.within()?)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, _: V) -> Result<V::Value, Asked> {
        self.note(ParamsForm::Tuple(len))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        _: V,
    ) -> Result<V::Value, Asked> {
        self.note(ParamsForm::Tuple(len))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Asked> {
        self.note(ParamsForm::Struct(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Asked> {
        self.note(ParamsForm::Scalar)
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it was only asked for its form")
    }
}

impl std::error::Error for Asked {}

impl serde::de::Error for Asked {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its form is looked at")]
    struct Flat {
        #[serde(rename = "first")]
        a: i64,
        #[serde(default, alias = "other")]
        b: Option<String>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its form is looked at")]
    struct Flattened {
        #[serde(flatten)]
        all: Flat,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its form is looked at")]
    struct Wrapped(Flat);

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its form is looked at")]
    struct Endless(Option<Box<Endless>>);

    #[test]
    fn types_say_in_which_form_they_take_values() {
        let flat = ParamsForm::of::<Flat>();
        let ParamsForm::Struct(names) = &flat else { panic!("{flat:?}") };
        assert_eq!(names.first(), Some(&"first"));
        assert!(names.contains(&"b"), "{names:?}");
        assert_eq!(ParamsForm::of::<Option<Flat>>(), flat);
        assert_eq!(ParamsForm::of::<Wrapped>(), flat);
        assert_eq!(ParamsForm::of::<Flattened>(), ParamsForm::Map);
        assert_eq!(ParamsForm::of::<BTreeMap<String, i64>>(), ParamsForm::Map);
        assert_eq!(ParamsForm::of::<()>(), ParamsForm::Nothing);
        assert_eq!(ParamsForm::of::<(i64, String)>(), ParamsForm::Tuple(2));
        assert_eq!(ParamsForm::of::<String>(), ParamsForm::Scalar);
        assert_eq!(ParamsForm::of::<Vec<i64>>(), ParamsForm::Any);
        assert_eq!(ParamsForm::of::<serde_json::Value>(), ParamsForm::Any);
        assert_eq!(ParamsForm::of::<Endless>(), ParamsForm::Endless);
    }
}
