use std::cell::Cell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// How many more elements of lists and maps a value may have.
///
/// A list begins with its length. An element of a type such as `()` has no bytes, so a list of any length fits into a
/// few bytes, and without a bound its sender could keep a lane busy for years.
#[derive(Debug)]
pub(super) struct ElementCount(Cell<Option<usize>>);

/// A part of serde that counts what passes: a deserializer, a visitor, or a seed. It changes nothing else.
pub(super) struct Counted<'a, T> {
    inner: T,
    count: &'a ElementCount,
    /// Of a visitor: whether it visits a list or a map, whose length comes from the sender.
    has_length: bool,
}

/// The most elements without bytes in one value. Each other element has at least one byte.
pub(super) const MAX_EMPTY_ELEMENTS: usize = 1 << 16;

impl ElementCount {
    /// For a value of `bytes` bytes.
    pub(super) const fn new(bytes: usize) -> Self {
        Self(Cell::new(Some(bytes.saturating_add(MAX_EMPTY_ELEMENTS))))
    }

    /// Whether the value has had more elements than it may.
    pub(super) const fn is_over(&self) -> bool {
        self.0.get().is_none()
    }

    /// Counts one element.
    fn take<E: Error>(&self) -> Result<(), E> {
        self.0.set(self.0.get().and_then(|left| left.checked_sub(1)));
        if self.is_over() { Err(E::custom("it has too many elements")) } else { Ok(()) }
    }
}

impl<'a, T> Counted<'a, T> {
    pub(super) const fn new(inner: T, count: &'a ElementCount) -> Self {
        Self { inner, count, has_length: false }
    }

    const fn with<U>(&self, inner: U) -> Counted<'a, U> {
        Counted::new(inner, self.count)
    }

    /// A visitor of a list or a map.
    const fn with_length<U>(&self, inner: U) -> Counted<'a, U> {
        Counted { inner, count: self.count, has_length: true }
    }
}

macro_rules! passes_on {
    ($($method:ident($($name:ident: $type:ty),*) by $wrap:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let visitor = self.$wrap(visitor);
            self.inner.$method($($name,)* visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Counted<'_, D> {
    type Error = D::Error;

    passes_on! {
        deserialize_any() by with;
        deserialize_ignored_any() by with;
        deserialize_identifier() by with;
        deserialize_bool() by with;
        deserialize_i8() by with;
        deserialize_i16() by with;
        deserialize_i32() by with;
        deserialize_i64() by with;
        deserialize_i128() by with;
        deserialize_u8() by with;
        deserialize_u16() by with;
        deserialize_u32() by with;
        deserialize_u64() by with;
        deserialize_u128() by with;
        deserialize_f32() by with;
        deserialize_f64() by with;
        deserialize_char() by with;
        deserialize_str() by with;
        deserialize_string() by with;
        deserialize_bytes() by with;
        deserialize_byte_buf() by with;
        deserialize_option() by with;
        deserialize_unit() by with;
        deserialize_unit_struct(name: &'static str) by with;
        deserialize_newtype_struct(name: &'static str) by with;
        deserialize_seq() by with_length;
        deserialize_map() by with_length;
        deserialize_tuple(len: usize) by with;
        deserialize_tuple_struct(name: &'static str, len: usize) by with;
        deserialize_struct(name: &'static str, fields: &'static [&'static str]) by with;
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) by with;
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! visits {
    ($($method:ident: $type:ty;)*) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Counted<'_, V> {
    type Value = V::Value;

    visits! {
        visit_bool: bool;
        visit_i8: i8;
        visit_i16: i16;
        visit_i32: i32;
        visit_i64: i64;
        visit_i128: i128;
        visit_u8: u8;
        visit_u16: u16;
        visit_u32: u32;
        visit_u64: u64;
        visit_u128: u128;
        visit_f32: f32;
        visit_f64: f64;
        visit_char: char;
        visit_str: &str;
        visit_borrowed_str: &'de str;
        visit_string: String;
        visit_bytes: &[u8];
        visit_borrowed_bytes: &'de [u8];
        visit_byte_buf: Vec<u8>;
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.with(deserializer);
        self.inner.visit_some(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.with(deserializer);
        self.inner.visit_newtype_struct(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        let elements = Counted { inner: elements, count: self.count, has_length: self.has_length };
        self.inner.visit_seq(elements)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        let entries = Counted { inner: entries, count: self.count, has_length: self.has_length };
        self.inner.visit_map(entries)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        let variant = self.with(variant);
        self.inner.visit_enum(variant)
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Counted<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let element = self.inner.next_element_seed(Counted::new(seed, self.count))?;
        self.count_one(element)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Counted<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let key = self.inner.next_key_seed(Counted::new(seed, self.count))?;
        self.count_one(key)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(Counted::new(seed, self.count))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<A> Counted<'_, A> {
    /// Counts an element of a list or a map, if there was one.
    fn count_one<T, E: Error>(&self, element: Option<T>) -> Result<Option<T>, E> {
        if self.has_length && element.is_some() {
            self.count.take()?;
        }
        Ok(element)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Counted<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let deserializer = self.with(deserializer);
        self.inner.deserialize(deserializer)
    }
}

impl<'a, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Counted<'a, A> {
    type Error = A::Error;
    type Variant = Counted<'a, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (value, variant) = self.inner.variant_seed(Counted::new(seed, self.count))?;
        Ok((value, Counted::new(variant, self.count)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Counted<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.with(seed);
        self.inner.newtype_variant_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.with(visitor);
        self.inner.tuple_variant(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.with(visitor);
        self.inner.struct_variant(fields, visitor)
    }
}
