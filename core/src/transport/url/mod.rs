//! Settings in the query of a transport's URL.

mod percent;
mod secret;
mod transport_url;
mod url_parameters;
mod url_value;

pub use percent::decode_percent;
pub use secret::Secret;
pub use transport_url::TransportUrl;
pub use url_parameters::UrlParameters;
pub use url_value::UrlValue;
