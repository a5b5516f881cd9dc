use reqwest::header::HeaderValue;
use rhai_dispatcher_core::Invalid;

/// The header with a token.
pub(super) fn bearer(token: &str) -> Result<HeaderValue, Invalid> {
    let value = HeaderValue::try_from(format!("Bearer {token}"));
    let mut value = value.map_err(|_| {
        Invalid::new(
            "token",
            "has a character that a header can't have",
            "give it as `rhaid token new` printed it",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}
