use crate::error::StdlibError;

/// The limits on the length of results, from the limits of the script's engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Limit on the bytes of a text.
    text: usize,
    /// Limit on the bytes of a blob: Rhai counts them as elements of an array.
    blob: usize,
}

impl Sizes {
    pub(crate) fn of(engine: &rhai::Engine) -> Self {
        let limit = |max: usize| if max == 0 { usize::MAX } else { max };
        Self { text: limit(engine.max_string_size()), blob: limit(engine.max_array_size()) }
    }

    /// Checks the length of a text before the text is built.
    pub(crate) fn check_text(self, function: &str, bytes: usize) -> Result<(), StdlibError> {
        check(function, "text", bytes, "max_string_bytes", self.text)
    }

    /// Checks the length of a blob before the blob is built.
    pub(crate) fn check_blob(self, function: &str, bytes: usize) -> Result<(), StdlibError> {
        check(function, "blob", bytes, "max_array_size", self.blob)
    }
}

fn check(function: &str, what: &str, bytes: usize, setting: &str, limit: usize) -> Result<(), StdlibError> {
    if bytes <= limit {
        return Ok(());
    }
    let message = format!(
        "{function}: its {what} would have {bytes} bytes, more than {setting}, which is {limit}; pass less, or raise it"
    );
    Err(StdlibError::TooLarge(message))
}
