use std::fmt::Display;

use rhai::{Dynamic, EvalAltResult, Map, Position};

/// Why a function has no result. Scripts catch it as an object map with `kind` and `message`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StdlibError {
    /// An argument is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The result would be longer than the script may hold.
    #[error("{0}")]
    TooLarge(String),
    /// The system has no random numbers.
    #[error("{0}")]
    System(String),
}

impl StdlibError {
    /// An argument that is wrong.
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

/// What a function of scripts returns.
pub(crate) type Answer<T> = Result<T, Box<EvalAltResult>>;
