//! Who may do what: tokens, their scopes, sessions of browsers.

mod access;
mod authenticator;
mod caller;
mod credentials;
mod identity;
mod login_attempts;
mod pattern;
mod scope;
mod sessions;
mod token;
mod token_file;
mod tokens;

pub use access::Access;
pub(crate) use authenticator::{Authenticator, Refused, proves_its_session};
pub(crate) use caller::Caller;
pub(crate) use credentials::COOKIE_NAMES;
pub use identity::Identity;
pub(crate) use login_attempts::LoginAttempts;
pub use pattern::Pattern;
pub use scope::{Role, Scope};
pub(crate) use sessions::Sessions;
pub use token::{Secret, SecretHash};
pub use token_file::{TokenFile, TokenFileError, TokenRecord};
pub(crate) use tokens::Tokens;
