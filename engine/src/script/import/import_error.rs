use rhai::EvalAltResult;

use crate::config::limit_name;
use crate::script::error::LimitExceeded;
use crate::script::run::ModuleName;

/// Why a module can't be imported.
#[derive(Debug, thiserror::Error)]
pub(super) enum ImportError {
    #[error(
        "scripts can't import modules here: this worker has no folder of them \
         (`rhaid`: --import DIR; in Rust: EngineConfig::with_modules_folder)"
    )]
    NoFolder,
    #[error(
        "`{0}` is not the name of a module: give the path of a file in the folder of modules, without its \
         `.rhai`, such as `prices` or `shop/prices`"
    )]
    Name(String),
    #[error(
        "the module `{0}` is not in the folder of handlers, and this worker has no folder of other modules (`rhaid`: --import \
         DIR; in Rust: EngineConfig::with_modules_folder)"
    )]
    NotBesideHandlers(ModuleName),
    #[error("the module `{0}` does not exist")]
    Missing(ModuleName),
    #[error("the module `{0}` is a link that leads out of the folder of modules")]
    Outside(ModuleName),
    #[error("the module `{0}` can't be read: {1}")]
    Unreadable(ModuleName, String),
    #[error("the module has more bytes than the limit of {0}")]
    TooLong(usize),
    #[error("modules import each other in a circle: {0}")]
    Circle(String),
}

impl ImportError {
    /// What a script asks for is not the name of a module.
    pub(super) fn name(path: &str) -> Self {
        Self::Name(path.chars().take(ModuleName::MAX_BYTES).collect())
    }
}

impl From<ImportError> for Box<EvalAltResult> {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::TooLong(limit) => {
                LimitExceeded::new("the module has too many bytes", limit_name!(max_script_bytes), limit)
                    .into()
            }
            error => error.to_string().into(),
        }
    }
}
