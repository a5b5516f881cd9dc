use std::fmt::Display;

use rhai::{Dynamic, EvalAltResult, Map, Position};

/// The error of a function. Scripts catch it as an object map with `kind` and `message`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StdlibError {
    /// An argument is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The result would exceed a limit of the script.
    #[error("{0}")]
    TooLarge(String),
    /// The system's random number generator failed.
    #[error("{0}")]
    System(String),
}

impl StdlibError {
    /// An error of kind `invalid`.
    pub(crate) fn invalid(function: &str, argument: &str, problem: impl Display) -> Self {
        Self::Invalid(format!("{function}: {argument}: {problem}"))
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::TooLarge(_) => "too_large",
            Self::System(_) => "system",
        }
    }
}

impl From<StdlibError> for Box<EvalAltResult> {
    fn from(error: StdlibError) -> Self {
        let fields: [(&str, Dynamic); 2] =
            [("kind", error.kind().into()), ("message", error.to_string().into())];
        let map: Map = fields.into_iter().map(|(key, value)| (key.into(), value)).collect();
        EvalAltResult::ErrorRuntime(map.into(), Position::NONE).into()
    }
}

/// The return type of the functions.
pub(crate) type Answer<T> = Result<T, Box<EvalAltResult>>;
