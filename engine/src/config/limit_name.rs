use std::fmt;

/// The name of a limit. [`limit_name!`] makes it, of a name that [`ScriptLimits`](super::ScriptLimits) has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LimitName(&'static str);

impl LimitName {
    /// For [`limit_name!`].
    pub(crate) const fn of_field(name: &'static str) -> Self {
        Self(name)
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The name of a limit, as `limit_name!(max_memory)`. It does not compile for a limit that does not exist.
macro_rules! limit_name {
    ($name:ident) => {{
        const _: usize = std::mem::offset_of!($crate::config::ScriptLimits, $name);
        $crate::config::LimitName::of_field(stringify!($name))
    }};
}

pub(crate) use limit_name;
