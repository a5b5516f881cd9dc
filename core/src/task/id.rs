use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Invalid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new random (version 4) id.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "a random value is not a default")]
            pub fn new() -> Self {
                Self(Uuid::new_v4())
            }

            /// The id that is this UUID.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The id as a UUID.
            #[must_use]
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.as_hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            /// Takes the canonical form only: 36 lower-case characters with hyphens. One id has
            /// one spelling, so it can stand in a key without being normalized first.
            fn from_str(text: &str) -> Result<Self, Invalid> {
                let invalid = |problem| {
                    Invalid::new($field, problem, "use the id as it was printed, such as 8c1b7f0e-52a4-4c1d-9a37-0f2d6a1e4b90")
                };
                let id = Uuid::try_parse(text).map_err(|_| invalid(format!("{} is not a UUID", crate::invalid::quoted(text))))?;
                let mut buffer = Uuid::encode_buffer();
                if id.as_hyphenated().encode_lower(&mut buffer) != text {
                    return Err(invalid(format!("{} is not in the canonical lower-case form", crate::invalid::quoted(text))));
                }
                Ok(Self(id))
            }
        }
    };
}

uuid_id! {
    /// Names one task for as long as its record lives.
    TaskId, "task_id"
}

uuid_id! {
    /// Names one running worker process; it is new at every start.
    InstanceId, "instance_id"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_id_has_one_spelling() {
        let id = TaskId::new();
        assert_eq!(id.to_string().parse::<TaskId>().expect("canonical"), id);
        for bad in [
            id.to_string().to_uppercase(),
            format!("{{{id}}}"),
            id.as_uuid().simple().to_string(),
            String::new(),
        ] {
            let error = bad.parse::<TaskId>().expect_err("another spelling");
            assert_eq!(error.field, "task_id");
        }
    }
}
