use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};

use super::shape::{Refused, Shape};

/// The shape of `T`, read from what its `Deserialize` asks for.
///
/// The type is deserialized from made-up values, once for each variant of each enum in it. A type within itself gets
/// nothing more than it needs: `None`, an empty sequence, or the variant that ended first.
pub(super) fn read_shape<T: DeserializeOwned>() -> Shape {
    let mut shape = Shape::default();
    loop {
        let read = shape.variants_read();
        shape.begin();
        let result = T::deserialize(ShapeReader(&mut shape));
        shape.end(result.is_ok());
        if shape.variants_read() == read || shape.is_full() {
            return shape;
        }
    }
}

/// Gives a type made-up values, and notes what it asks for.
struct ShapeReader<'a>(&'a mut Shape);

/// Reads a value of a type that is written as one word.
macro_rules! words {
    ($($method:ident $word:literal $visit:ident $value:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            self.0.note($word)?;
            visitor.$visit($value)
        })*
    };
}

/// 1 for numbers and text, since some types refuse zero and the empty string.
impl<'de> Deserializer<'de> for ShapeReader<'_> {
    type Error = Refused;

    words! {
        deserialize_bool "bool" visit_bool true;
        deserialize_i8 "i8" visit_i8 1;
        deserialize_i16 "i16" visit_i16 1;
        deserialize_i32 "i32" visit_i32 1;
        deserialize_i64 "i64" visit_i64 1;
        deserialize_i128 "i128" visit_i128 1;
        deserialize_u8 "u8" visit_u8 1;
        deserialize_u16 "u16" visit_u16 1;
        deserialize_u32 "u32" visit_u32 1;
        deserialize_u64 "u64" visit_u64 1;
        deserialize_u128 "u128" visit_u128 1;
        deserialize_f32 "f32" visit_f32 1.0;
        deserialize_f64 "f64" visit_f64 1.0;
        deserialize_char "char" visit_char '1';
        deserialize_str "str" visit_str "1";
        deserialize_string "str" visit_str "1";
        deserialize_bytes "bytes" visit_bytes &[];
        deserialize_byte_buf "bytes" visit_bytes &[];
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.0.note("option")?;
        if self.0.repeats() {
            visitor.visit_none()
        } else {
            self.0.deeper(|shape| visitor.visit_some(ShapeReader(shape)))
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.0.note("unit")?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.0.note_names("unit struct", name, &[])?;
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.0.note_names("newtype", name, &[])?;
        self.0.within(name, |shape| visitor.visit_newtype_struct(ShapeReader(shape)))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.0.note("seq")?;
        let left = usize::from(!self.0.repeats());
        self.0.deeper(|shape| visitor.visit_seq(Elements { shape, left }))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        self.0.note("tuple")?;
        self.0.note(&len.to_string())?;
        visitor.visit_seq(Elements { shape: self.0, left: len })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.0.note_names("tuple struct", name, &[])?;
        self.0.within(name, |shape| ShapeReader(shape).deserialize_tuple(len, visitor))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.0.note("map")?;
        let left = usize::from(!self.0.repeats());
        self.0.deeper(|shape| visitor.visit_map(Elements { shape, left }))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.0.note_names("struct", name, fields)?;
        self.0.within(name, |shape| visitor.visit_seq(Elements { shape, left: fields.len() }))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.0.note_names("enum", name, names)?;
        let chosen = self.0.choose(name, names)?;
        self.0.note(&chosen.to_string())?;
        let value = self.0.within(name, |shape| visitor.visit_enum(Variant { shape, chosen }))?;
        self.0.variant_ended(name, names, chosen);
        Ok(value)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        self.0.note("any")?;
        Err(Refused)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_any(visitor)
    }

    /// As the wire's format is.
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The elements of a sequence, or the entries of a map.
struct Elements<'a> {
    shape: &'a mut Shape,
    left: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refused> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(ShapeReader(self.shape)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Elements<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        seed.deserialize(ShapeReader(self.shape))
    }
}

/// One variant of an enum.
struct Variant<'a> {
    shape: &'a mut Shape,
    chosen: u32,
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Refused;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Refused> {
        let chosen: de::value::U32Deserializer<Refused> = self.chosen.into_deserializer();
        Ok((seed.deserialize(chosen)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        self.shape.note("unit variant")
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refused> {
        self.shape.note("newtype variant")?;
        seed.deserialize(ShapeReader(self.shape))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        self.shape.note("tuple variant")?;
        ShapeReader(self.shape).deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.shape.note_names("struct variant", "", fields)?;
        visitor.visit_seq(Elements { shape: self.shape, left: fields.len() })
    }
}
