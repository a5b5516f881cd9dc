use rhai_dispatcher_engine::{EngineConfig, ModuleDoc};

use crate::sizes::Sizes;
use crate::{encoding, hashing, random, time};

/// The functions for time, randomness, encodings and hashes.
///
/// ```
/// use rhai_dispatcher_engine::EngineConfig;
/// use rhai_dispatcher_stdlib::StdlibModule;
///
/// let engine = StdlibModule::new().install(EngineConfig::new());
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct StdlibModule {}

/// The reference of the functions.
static DOCS: ModuleDoc =
    ModuleDoc::new("Standard library", ABOUT, &[time::DOCS, random::DOCS, encoding::DOCS, hashing::DOCS]);

const ABOUT: &str = "\
Time, randomness, encodings and hashes. In Rust: feature `stdlib`, `StdlibModule`; `rhaid` always has them.

An error can be caught: it is an object map with `kind`, `message`, `value` (unit) and `line`. The kind is `invalid` for an argument that is wrong,
and `too_large` for a result that is longer than the script may hold. The message names the function, the argument and the
way out. A *text or blob* is a string, a character or a blob; a string stands for its bytes in UTF-8.";

impl StdlibModule {
    /// The module. It has no settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the functions to an engine's configuration.
    #[must_use]
    pub fn install(&self, engine: EngineConfig) -> EngineConfig {
        engine.with_docs(&DOCS).with_setup(|engine| {
            let sizes = Sizes::of(engine);
            time::register(engine);
            random::register(engine, sizes);
            encoding::register(engine, sizes);
            hashing::register(engine);
        })
    }
}
