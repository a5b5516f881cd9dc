use std::time::Duration;

use rhai_dispatcher_core::{Limits, limit_table};

macro_rules! script_limits {
    ($($name:ident $with:ident: $type:ty = $default:expr, zero: $zero:ident, kept by $keeper:ident,
        $about:literal $($more:literal)*;)*) => {
        /// The limits of scripts.
        ///
        /// A script that goes over one ends in an error that names the limit and its value. A task can ask for lower ones,
        /// with [`Limits`]; those of nesting, sizes, variables, arguments, functions and modules are kept by Rhai's engines,
        /// so a lane builds another one for each set of them that is in use.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub struct ScriptLimits {
            $(
                #[doc = concat!($about, $($more,)* " Default: `", stringify!($default), "`.", zero!($zero about))]
                pub $name: $type,
            )*
        }

        impl Default for ScriptLimits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl ScriptLimits {
            /// The same, but for those limits that are set in `limits`.
            #[must_use]
            pub fn with(self, limits: &Limits) -> Self {
                Self { $($name: limits.$name.unwrap_or(self.$name),)* }
            }

            /// The same, with those of `limits` that are lower.
            #[must_use]
            pub fn lowered(self, limits: &Limits) -> Self {
                Self {
                    $($name: {
                        let is_lower = |asked: &$type| zero!($zero lowers self.$name, *asked, <$type>::default());
                        limits.$name.filter(is_lower).unwrap_or(self.$name)
                    },)*
                }
            }

            /// Those that Rhai reads from its engine, and the defaults in the place of all others: scripts for which this
            /// is equal can share an engine.
            pub(crate) fn kept_by_engine(&self) -> Self {
                Self { $($name: kept_by!($keeper self.$name, $default),)* }
            }
        }

        /// As a request: all that are not unlimited.
        impl From<ScriptLimits> for Limits {
            fn from(own: ScriptLimits) -> Self {
                let mut limits = Self::default();
                $(limits.$name = Some(own.$name).filter(|value| *value != <$type>::default());)*
                limits
            }
        }
    };
}

/// What zero means: a limit like others, or none.
macro_rules! zero {
    (zero about) => {
        ""
    };
    (unlimited about) => {
        " Zero is unlimited."
    };
    (zero lowers $own:expr, $asked:expr, $zero:expr) => {
        $asked < $own
    };
    (unlimited lowers $own:expr, $asked:expr, $zero:expr) => {
        $asked > $zero && ($own == $zero || $asked < $own)
    };
}

/// Whether the engine has the limit that is set, or the run.
macro_rules! kept_by {
    (engine $own:expr, $default:expr) => {
        $own
    };
    (run $own:expr, $default:expr) => {
        $default
    };
}

limit_table!(script_limits);

#[cfg(test)]
mod tests {
    use rhai_dispatcher_core::TaskLog;

    use super::*;

    /// A limit of that name, as a request has it.
    fn asked(name: &str, value: &str) -> Limits {
        let mut limits = Limits::default();
        limits.set(name, value).expect(name);
        limits
    }

    #[test]
    fn every_limit_is_set_and_lowered() {
        let own = ScriptLimits::default();
        for name in Limits::NAMES {
            let low = asked(name, "1");
            assert_eq!(own.lowered(&low), own.with(&low), "{name}");
            assert_ne!(own.lowered(&low), own, "{name}");
            let high = asked(name, "999999999999");
            assert_ne!(own.with(&high), own, "{name}");
            assert_eq!(own.lowered(&high), own, "{name}");
        }
    }

    #[test]
    fn log_is_bounded_as_logs_are_by_default() {
        assert_eq!(ScriptLimits::default().max_log_bytes, TaskLog::MAX_BYTES);
    }

    #[test]
    fn zero_is_lower_than_any_limit_or_higher() {
        let zero = ScriptLimits {
            max_operations: 0,
            max_string_bytes: 0,
            max_modules: 0,
            max_cpu_time: Duration::ZERO,
            ..ScriptLimits::default()
        };
        let asked = Limits::default()
            .with_max_operations(5)
            .with_max_string_bytes(6)
            .with_max_modules(7)
            .with_max_cpu_time(Duration::from_secs(8));
        let lowered = zero.lowered(&asked);
        assert_eq!((lowered.max_operations, lowered.max_string_bytes), (5, 6));
        assert_eq!((lowered.max_modules, lowered.max_cpu_time), (0, Duration::ZERO));
        let unlimited = Limits::default().with_max_operations(0);
        assert_eq!(ScriptLimits::default().lowered(&unlimited), ScriptLimits::default());
    }

    #[test]
    fn scripts_whose_engines_differ_share_none() {
        let own = ScriptLimits::default();
        let engines = |name: &&&str| own.with(&asked(name, "1")).kept_by_engine() != own.kept_by_engine();
        let kept: Vec<_> = Limits::NAMES.iter().filter(engines).copied().collect();
        let expected = "max_call_levels max_expr_depth max_function_expr_depth max_functions max_variables max_arguments \
                        max_string_bytes max_array_size max_map_size max_map_literal max_modules";
        assert_eq!(kept.join(" "), expected);
    }
}
