use rhai::{Dynamic, EvalAltResult, Map, Position};
use rhai_dispatcher_http::{HttpError, HttpResponse};

/// Why a call to Stripe failed. Scripts catch it as an object map with `kind` and `message`;
/// an answer of Stripe's ([`Api`](Self::Api)) also has its `status`, and `type`, `code`, `param` and
/// `request_id` where Stripe gives them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StripeError {
    /// `invalid`: an argument is wrong. The message names the field.
    #[error("{0}")]
    Invalid(String),
    /// `not_configured`: neither the worker nor the script has set a key.
    #[error("Stripe has no key yet: call configure_stripe(key) first")]
    NotConfigured,
    /// `api`: Stripe refused the call.
    #[error("{}", .0.message)]
    Api(ApiError),
    /// The call got no answer; the kinds are those of [`HttpError`].
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// An answer of Stripe's with a status outside 200 to 299.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    status: u16,
    message: String,
    /// `type`, `code` and the like, with their values.
    details: Vec<(&'static str, String)>,
}

impl ApiError {
    /// The status, such as 402.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn of(response: &HttpResponse) -> Self {
        let status = response.status();
        let body: serde_json::Value =
            serde_json::from_str(response.text().unwrap_or_default()).unwrap_or_default();
        let text = |name: &str| body["error"][name].as_str().map(str::to_owned);
        let names = ["type", "code", "decline_code", "param"];
        let mut details: Vec<_> = names.into_iter().filter_map(|name| Some((name, text(name)?))).collect();
        if let Some(id) = response.header("request-id") {
            details.push(("request_id", id.to_owned()));
        }
        let message = text("message").unwrap_or_else(|| format!("Stripe answered with status {status}"));
        Self { status, message, details }
    }
}

impl StripeError {
    /// The object map that scripts catch.
    #[must_use]
    pub fn into_map(self) -> Map {
        let message = self.to_string();
        let (kind, details) = match self {
            Self::Http(error) => return error.into_map(),
            Self::Invalid(_) => ("invalid", None),
            Self::NotConfigured => ("not_configured", None),
            Self::Api(error) => ("api", Some(error)),
        };
        let mut map = Map::new();
        map.insert("kind".into(), kind.into());
        map.insert("message".into(), message.into());
        if let Some(error) = details {
            map.insert("status".into(), i64::from(error.status).into());
            map.extend(error.details.into_iter().map(|(name, value)| (name.into(), value.into())));
        }
        map
    }
}

impl From<StripeError> for Dynamic {
    fn from(error: StripeError) -> Self {
        error.into_map().into()
    }
}

impl From<StripeError> for Box<EvalAltResult> {
    fn from(error: StripeError) -> Self {
        EvalAltResult::ErrorRuntime(error.into(), Position::NONE).into()
    }
}
