use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::Error as _;
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Number;

use super::Json;
use crate::Invalid;
use crate::invalid::quoted;
use crate::limit_table;

macro_rules! limits {
    ($($name:ident $with:ident: $type:ty = $default:expr, zero: $zero:ident, kept by $keeper:ident,
        $about:literal $($more:literal)*;)*) => {
        /// Limits that a task asks for, below those of its worker.
        ///
        /// Where there is none, or one above the worker's, the worker's own holds. Each is above zero. The
        /// names are those of the engine's `EngineConfig`.
        ///
        /// As JSON it is an object of those that are set, by name, with times in seconds; in formats that are
        /// not human-readable, the text of that.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Limits {
            $(#[doc = $about] pub $name: Option<$type>,)*
        }

        impl Limits {
            /// The names of all limits.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// What the limit of that name limits, as a sentence; `None` if no limit has that name.
            #[must_use]
            pub fn about(name: &str) -> Option<&'static str> {
                match name {
                    $(stringify!($name) => Some($about),)*
                    _ => None,
                }
            }

            /// Whether the limit of that name is a time.
            #[must_use]
            pub fn is_time(name: &str) -> bool {
                match name {
                    $(stringify!($name) => <$type as Limit>::IS_TIME,)*
                    _ => false,
                }
            }

            $(
                #[doc = concat!("Sets [`", stringify!($name), "`](Self::", stringify!($name), ").")]
                #[must_use]
                pub fn $with(mut self, $name: $type) -> Self {
                    self.$name = Some($name);
                    self
                }
            )*

            /// Sets the limit of that name to a number in decimal: of seconds for a time, and a whole one for
            /// all others.
            ///
            /// # Errors
            /// If no limit has that name, or the value is not such a number, or not above zero.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), Invalid> {
                match name {
                    $(stringify!($name) => self.$name = Some(Limit::parse(stringify!($name), value)?),)*
                    _ => {
                        let problem = format!("no limit is named {}", quoted(name));
                        return Err(Invalid::new("limits", problem, format!("use {}", Self::NAMES.join(", "))));
                    }
                }
                Ok(())
            }

            /// # Errors
            /// If one is zero.
            pub fn check(&self) -> Result<(), Invalid> {
                $(
                    if self.$name.is_some_and(Limit::is_zero) {
                        return Err(<$type>::refuse(stringify!($name), "it is zero".to_owned()));
                    }
                )*
                Ok(())
            }
        }

        impl Serialize for Limits {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if !serializer.is_human_readable() {
                    return Json::of(self).map_err(S::Error::custom)?.serialize(serializer);
                }
                let mut map = serializer.serialize_map(None)?;
                $(
                    if let Some(limit) = self.$name {
                        map.serialize_entry(stringify!($name), &limit.to_number())?;
                    }
                )*
                map.end()
            }
        }
    };
}

limit_table!(limits);

impl Limits {
    /// Whether none is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a limit can be.
trait Limit: Copy + Sized {
    /// What a good value is.
    const HINT: &'static str;

    /// What is wrong with another one.
    const IS_NOT: &'static str;

    const IS_TIME: bool;

    fn of(text: &str) -> Option<Self>;

    fn is_zero(self) -> bool;

    fn to_number(self) -> impl Serialize;

    fn parse(name: &'static str, text: &str) -> Result<Self, Invalid> {
        let limit = Self::of(text).filter(|limit| !limit.is_zero());
        limit.ok_or_else(|| {
            let is_long = !Self::IS_TIME && text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_digit());
            let problem = if is_long { "is too large" } else { Self::IS_NOT };
            Self::refuse(name, format!("{} {problem}", quoted(text)))
        })
    }

    fn refuse(name: &'static str, problem: String) -> Invalid {
        Invalid::new(name, problem, Self::HINT)
    }
}

macro_rules! whole_numbers {
    ($($type:ty)*) => {
        $(
            impl Limit for $type {
                const HINT: &'static str = "give a whole number above zero";

                const IS_NOT: &'static str = "is not a whole number above zero";

                const IS_TIME: bool = false;

                fn of(text: &str) -> Option<Self> {
                    text.parse().ok()
                }

                fn is_zero(self) -> bool {
                    self == 0
                }

                fn to_number(self) -> impl Serialize {
                    self
                }
            }
        )*
    };
}

whole_numbers! { u64 usize }

impl Limit for Duration {
    const HINT: &'static str = "give a time above zero, in seconds";

    const IS_NOT: &'static str = "is not a number of seconds above zero";

    const IS_TIME: bool = true;

    fn of(text: &str) -> Option<Self> {
        let seconds: f64 = text.parse().ok().filter(|seconds| *seconds > 0.0)?;
        // Longer than can be counted is as good as for ever.
        Some(Self::try_from_secs_f64(seconds).unwrap_or(Self::MAX))
    }

    fn is_zero(self) -> bool {
        Self::is_zero(&self)
    }

    fn to_number(self) -> impl Serialize {
        self.as_secs_f64()
    }
}

impl fmt::Display for Limits {
    /// Those that are set, such as `max_operations=1000, max_wall_time=1.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set: BTreeMap<String, Number> =
            Json::of(self).and_then(|json| json.to()).map_err(|_| fmt::Error)?;
        for (index, (name, value)) in set.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{name}={value}")?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Limits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return Json::deserialize(deserializer)?.to().map_err(D::Error::custom);
        }
        let mut limits = Self::default();
        for (name, value) in BTreeMap::<String, Number>::deserialize(deserializer)? {
            limits.set(&name, &value.to_string()).map_err(D::Error::custom)?;
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_json_by_name() {
        let limits = Limits::default()
            .with_max_operations(1_000)
            .with_max_wall_time(Duration::from_millis(1_500))
            .with_max_cpu_time(Duration::MAX);
        let json = Json::of(&limits).expect("JSON");
        let text = r#"{"max_operations":1000,"max_wall_time":1.5,"max_cpu_time":1.8446744073709552e+19}"#;
        assert_eq!(json.as_str(), text);
        assert_eq!(json.to::<Limits>().expect("limits"), limits);
        assert_eq!(
            limits.to_string(),
            "max_cpu_time=1.8446744073709552e+19, max_operations=1000, max_wall_time=1.5"
        );
        assert!(Json::of(&Limits::default()).expect("JSON").to::<Limits>().expect("limits").is_empty());
    }

    #[test]
    fn every_limit_is_set_by_its_name() {
        for name in Limits::NAMES {
            let mut limits = Limits::default();
            limits.set(name, "7").expect(name);
            assert!(!limits.is_empty() && limits.check().is_ok());
            assert!(limits.to_string().starts_with(&format!("{name}=7")), "{limits}");
            assert!(Limits::about(name).is_some_and(|about| about.ends_with('.')), "{name}");
            assert_eq!(Limits::is_time(name), limits.to_string() == format!("{name}=7.0"));
        }
    }

    #[test]
    fn bad_limits_are_refused_by_name() {
        for name in Limits::NAMES {
            for bad in ["0", "-1", "", "many", "NaN", "0.0", "\"7\"", "99999999999999999999999999x"] {
                let error = Limits::default().set(name, bad).expect_err(bad);
                assert_eq!(error.field, *name);
            }
        }
        let error = Limits::default().set("max_opertions", "1").expect_err("unknown");
        assert!(error.field == "limits" && error.hint.contains("max_operations"), "{error}");
        let error = Limits::default().with_max_cpu_time(Duration::ZERO).check().expect_err("zero");
        assert_eq!(error.field, "max_cpu_time");
        for bad in [r#"{"max_operations":null}"#, r#"{"max_operations":-1}"#, r#"{"other":1}"#, "[]"] {
            assert!(serde_json::from_str::<Limits>(bad).is_err(), "{bad}");
        }
    }
}
