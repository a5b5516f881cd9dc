use std::collections::HashMap;
use std::fmt;

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};

/// The shape of a type as text, read from what its `Deserialize` asks for.
///
/// The type is deserialized from made-up values, once for each variant of each enum in it. A type within itself gets
/// nothing more than it needs: `None`, an empty sequence, or the variant that ended first.
#[derive(Debug, Default)]
pub(super) struct Shape {
    text: String,
    /// The enums that were met, by their names and those of their variants.
    enums: HashMap<(&'static str, &'static [&'static str]), Variants>,
    /// The structs and enums around what is read now.
    around: Vec<&'static str>,
    /// How many options, sequences and maps are around what is read now.
    depth: usize,
}

#[derive(Debug, Default)]
struct Variants {
    /// How many were read, in their order.
    read: u32,
    /// The one that ended first: its value does not contain the enum, unless in a variant before.
    ended: Option<u32>,
}

/// The longest text: what is behind it is not read.
const MAX_TEXT: usize = 1 << 16;

/// How deep options, sequences and maps are read in each other. A type that contains itself without a name, such as one
/// with `#[serde(transparent)]`, has no other end.
const MAX_DEPTH: usize = 64;

/// A type refused a value, or is too large.
#[derive(Debug)]
pub(super) struct Refused;

impl Shape {
    /// Reads `T`, again and again until each variant was read.
    pub(super) fn read<T: DeserializeOwned>(&mut self) {
        loop {
            let read = self.variants_read();
            self.around.clear();
            self.depth = 0;
            let result = T::deserialize(&mut *self);
            self.text.push(if result.is_ok() { '.' } else { '!' });
            if self.variants_read() == read || self.text.len() > MAX_TEXT {
                return;
            }
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn variants_read(&self) -> u32 {
        self.enums.values().map(|variants| variants.read).sum()
    }

    /// Writes one word of the shape.
    fn note(&mut self, word: &str) -> Result<(), Refused> {
        if self.text.len() > MAX_TEXT {
            return Err(Refused);
        }
        self.text.push_str(word);
        self.text.push(' ');
        Ok(())
    }

    /// Writes the names of a struct's fields, or of an enum's variants.
    fn note_names(&mut self, kind: &str, name: &str, names: &[&str]) -> Result<(), Refused> {
        self.note(kind)?;
        self.note(name)?;
        names.iter().try_for_each(|name| self.note(name))
    }

    /// Reads what is in a struct or an enum.
    fn within<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        self.around.push(name);
        let result = read(self);
        self.around.pop();
        result
    }

    /// Reads what is in an option, a sequence or a map.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Refused>) -> Result<T, Refused> {
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Whether what is read now contains itself.
    fn repeats(&self) -> bool {
        self.depth >= MAX_DEPTH
            || self.around.split_last().is_some_and(|(last, others)| others.contains(last))
    }
}

/// Reads a value of a type that is written as one word.
macro_rules! words {
    ($($method:ident $word:literal $visit:ident $value:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            self.note($word)?;
            visitor.$visit($value)
        })*
    };
}

/// 1 for numbers and text, since some types refuse zero and the empty string.
impl<'de> Deserializer<'de> for &mut Shape {
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
        self.note("option")?;
        if self.repeats() { visitor.visit_none() } else { self.deeper(|shape| visitor.visit_some(shape)) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.note("unit")?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.note_names("unit struct", name, &[])?;
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.note_names("newtype", name, &[])?;
        self.within(name, |shape| visitor.visit_newtype_struct(shape))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.note("seq")?;
        let left = usize::from(!self.repeats());
        self.deeper(|shape| visitor.visit_seq(Elements { shape, left }))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        self.note("tuple")?;
        self.note(&len.to_string())?;
        visitor.visit_seq(Elements { shape: self, left: len })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.note_names("tuple struct", name, &[])?;
        self.within(name, |shape| shape.deserialize_tuple(len, visitor))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.note("map")?;
        let left = usize::from(!self.repeats());
        self.deeper(|shape| visitor.visit_map(Elements { shape, left }))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.note_names("struct", name, fields)?;
        self.within(name, |shape| visitor.visit_seq(Elements { shape, left: fields.len() }))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.note_names("enum", name, names)?;
        let inside_itself = self.around.contains(&name);
        let variants = self.enums.entry((name, names)).or_default();
        let next = Some(variants.read).filter(|next| names.get(*next as usize).is_some());
        let chosen = if inside_itself { variants.ended.or(next) } else { next.or(variants.ended) };
        let chosen = chosen.ok_or(Refused)?;
        if next == Some(chosen) {
            variants.read += 1;
        }
        self.note(&chosen.to_string())?;
        let value = self.within(name, |shape| visitor.visit_enum(Variant { shape, chosen }))?;
        self.enums.entry((name, names)).or_default().ended.get_or_insert(chosen);
        Ok(value)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        self.note("any")?;
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
        seed.deserialize(&mut *self.shape).map(Some)
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
        seed.deserialize(&mut *self.shape)
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
        seed.deserialize(self.shape)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        self.shape.note("tuple variant")?;
        self.shape.deserialize_tuple(len, visitor)
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

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the type refuses the value, or is too large")
    }
}

impl std::error::Error for Refused {}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}
