use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rhai::{Dynamic, EvalContext};

/// A value that scripts can hand on and can't read, such as the key of an API.
///
/// Printed, joined, interpolated, serialized, returned or thrown it reads `[secret]`. Only a native
/// function that takes a `Secret` sees what it is, by [`expose`](Self::expose).
///
/// ```
/// use rhai_dispatcher_engine::{EngineConfig, Secret};
///
/// let config = EngineConfig::new()
///     .with_secret("API_KEY", Secret::new("sk_live_1234"))
///     .with_setup(|engine| {
///         engine.register_fn("log_in", |key: Secret| key.expose() == "sk_live_1234");
///     });
/// // In a script: log_in(API_KEY) is true, and print(API_KEY) prints [secret].
/// ```
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// What every secret reads.
    pub const REDACTED: &'static str = "[secret]";

    /// Makes a secret of a text.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself. See to it that it gets into no value of a script, no log and no error.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `text` with [`REDACTED`](Self::REDACTED) wherever the secret stood in it, for a text that comes
    /// from a server that was shown the secret.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&*self.0, Self::REDACTED) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::REDACTED)
    }
}

/// The secrets that scripts find as constants, by name.
pub(crate) type Secrets = HashMap<Arc<str>, Secret>;

/// Teaches an engine how secrets read.
pub(crate) fn register(engine: &mut rhai::Engine) {
    engine.register_type_with_name::<Secret>("Secret");
    for name in ["to_string", "to_debug", "print", "debug"] {
        engine.register_fn(name, |_: &mut Secret| Secret::REDACTED);
    }
    // They all read the same; to tell them apart would be to tell something.
    engine.register_fn("==", |_: Secret, _: Secret| true);
    engine.register_fn("!=", |_: Secret, _: Secret| false);
}

/// The secret of this name, unless the script has a variable of its own with it.
pub(crate) fn resolve(
    secrets: &Secrets,
    name: &str,
    index: usize,
    context: &EvalContext<'_, '_, '_, '_, '_, '_>,
) -> Option<Dynamic> {
    // The parser knows where the variable is: it is the script's own.
    if index > 0 {
        return None;
    }
    let secret = secrets.get(name)?;
    if context.scope().contains(name) {
        return None;
    }
    Some(Dynamic::from(secret.clone()).into_read_only())
}
