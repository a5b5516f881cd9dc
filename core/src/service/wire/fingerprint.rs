use std::fmt;

use serde::de::DeserializeOwned;

use super::read_shape::read_shape;

/// A number that two builds share if their types have the same shape on the wire: the names and order of fields and
/// variants, and the types of their values.
///
/// It is read from what a type's `Deserialize` asks for, down to a value that does not accept what it is given, such as
/// a number in a certain range. Two types that differ only behind such a value have the same fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of no types.
    pub(super) const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    /// The fingerprint of the types before and `T`.
    #[must_use]
    pub(super) fn with<T: DeserializeOwned>(self) -> Self {
        self.mixed(read_shape::<T>().text().as_bytes())
    }

    pub(super) const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_le_bytes(bytes))
    }

    pub(super) const fn to_bytes(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }

    /// FNV-1a: builds with other versions of Rust get the same number, which the standard library's hasher does not
    /// promise.
    fn mixed(self, bytes: &[u8]) -> Self {
        let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Self(bytes.iter().fold(self.0, mix))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::num::NonZeroU8;
    use std::time::Duration;

    use serde::Deserialize;

    use super::*;

    fn of<T: DeserializeOwned>() -> Fingerprint {
        Fingerprint::EMPTY.with::<T>()
    }

    /// Defines a type of the name `T` in a function, and returns its fingerprint.
    macro_rules! of {
        ($($definition:tt)*) => {{
            #[derive(Deserialize)]
            #[allow(dead_code, reason = "only its shape matters")]
            $($definition)*
            of::<T>()
        }};
    }

    #[test]
    fn each_change_that_changes_the_bytes_or_their_meaning_changes_it() {
        let shapes = [
            of!(
                struct T {
                    a: u8,
                    b: Option<u16>,
                }
            ),
            of!(
                struct T {
                    a: u8,
                    b: Option<u32>,
                }
            ),
            of!(
                struct T {
                    a: u8,
                    c: Option<u16>,
                }
            ),
            of!(
                struct T {
                    b: Option<u16>,
                    a: u8,
                }
            ),
            of!(
                struct T {
                    a: u8,
                }
            ),
            of!(
                struct T {
                    a: NonZeroU8,
                    b: Duration,
                }
            ),
            of!(
                struct T(u8, Option<u16>);
            ),
            of!(
                enum T {
                    A,
                    B(u8),
                    C { text: String },
                }
            ),
            of!(
                enum T {
                    A,
                    B(u8),
                    C { text: Vec<String> },
                }
            ),
            of!(
                enum T {
                    A,
                    B(u16),
                    C { text: String },
                }
            ),
            of!(
                enum T {
                    B(u8),
                    A,
                    C { text: String },
                }
            ),
            of!(
                enum T {
                    A,
                    B(u8),
                    C { text: String },
                    D,
                }
            ),
            of!(
                struct T(BTreeMap<String, u8>);
            ),
            of!(
                struct T(BTreeMap<String, i8>);
            ),
            of!(
                struct T([u8; 3]);
            ),
            of!(
                struct T([u8; 4]);
            ),
            of!(
                struct T;
            ),
        ];
        for (index, shape) in shapes.iter().enumerate() {
            assert!(!shapes[..index].contains(shape), "{index}");
        }
        assert_eq!(
            shapes[0],
            of!(
                struct T {
                    a: u8,
                    b: Option<u16>,
                }
            )
        );
        assert_ne!(of::<u8>().with::<u16>(), of::<u16>().with::<u8>());
    }

    #[test]
    fn types_that_contain_themselves_have_one() {
        #[derive(Deserialize)]
        #[allow(dead_code, reason = "only its shape matters")]
        enum Tree {
            Node { left: Box<Tree>, right: Box<Tree>, beside: Vec<Tree>, more: Option<Box<Self>> },
            Both(Box<Tree>, Box<Tree>, Linked),
            Leaf(u8),
        }
        #[derive(Deserialize)]
        #[allow(dead_code, reason = "only its shape matters")]
        struct Linked {
            next: Option<Box<Linked>>,
            tree: Vec<Tree>,
            value: u8,
        }
        /// It contains itself without a name.
        #[derive(Deserialize)]
        #[serde(transparent)]
        #[allow(dead_code, reason = "only its shape matters")]
        struct Nested(Vec<Nested>);
        #[derive(Deserialize)]
        #[serde(transparent)]
        #[allow(dead_code, reason = "only its shape matters")]
        struct Optional(Option<Box<Optional>>);
        assert_ne!(of::<Tree>(), of::<Linked>());
        assert_eq!(of::<Tree>(), of::<Tree>());
        assert_ne!(of::<Nested>(), of::<Optional>());
    }

    #[test]
    fn it_is_the_same_in_each_build() {
        assert_eq!(of::<(u8, Option<String>)>(), Fingerprint(11_351_259_761_945_005_172));
    }
}
