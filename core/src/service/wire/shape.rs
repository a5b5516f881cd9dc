use std::collections::HashMap;
use std::fmt;

use serde::de;

/// The shape of a type as text, and what was met of the type so far; see [`read_shape`](super::read_shape::read_shape).
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
    /// Begins to read the type from its outermost value.
    pub(super) fn begin(&mut self) {
        self.around.clear();
        self.depth = 0;
    }

    /// Notes whether the type accepted its values.
    pub(super) fn end(&mut self, accepted: bool) {
        self.text.push(if accepted { '.' } else { '!' });
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How many variants of all enums were read.
    pub(super) fn variants_read(&self) -> u32 {
        self.enums.values().map(|variants| variants.read).sum()
    }

    /// Whether the rest of the type is not read.
    pub(super) fn is_full(&self) -> bool {
        self.text.len() > MAX_TEXT
    }

    /// Writes one word of the shape.
    pub(super) fn note(&mut self, word: &str) -> Result<(), Refused> {
        if self.is_full() {
            return Err(Refused);
        }
        self.text.push_str(word);
        self.text.push(' ');
        Ok(())
    }

    /// Writes the names of a struct's fields, or of an enum's variants.
    pub(super) fn note_names(&mut self, kind: &str, name: &str, names: &[&str]) -> Result<(), Refused> {
        self.note(kind)?;
        self.note(name)?;
        names.iter().try_for_each(|name| self.note(name))
    }

    /// Reads what is in a struct or an enum.
    pub(super) fn within<T>(
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
    pub(super) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Whether what is read now contains itself.
    pub(super) fn repeats(&self) -> bool {
        self.depth >= MAX_DEPTH
            || self.around.split_last().is_some_and(|(last, others)| others.contains(last))
    }

    /// The variant of an enum that is read next: one that was not read yet, or the one that ended first.
    pub(super) fn choose(
        &mut self,
        name: &'static str,
        names: &'static [&'static str],
    ) -> Result<u32, Refused> {
        let inside_itself = self.around.contains(&name);
        let variants = self.enums.entry((name, names)).or_default();
        let next = Some(variants.read).filter(|next| names.get(*next as usize).is_some());
        let chosen = if inside_itself { variants.ended.or(next) } else { next.or(variants.ended) };
        let chosen = chosen.ok_or(Refused)?;
        if next == Some(chosen) {
            variants.read += 1;
        }
        Ok(chosen)
    }

    /// Notes that a variant accepted its values.
    pub(super) fn variant_ended(&mut self, name: &'static str, names: &'static [&'static str], chosen: u32) {
        self.enums.entry((name, names)).or_default().ended.get_or_insert(chosen);
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
