//! Who may do what: tokens, their scopes, sessions of browsers.

mod access;
mod authenticator;
mod caller;
mod identity;
mod pattern;
mod scope;

pub use access::Access;
pub(crate) use authenticator::{Authenticator, Refused};
pub(crate) use caller::Caller;
pub use identity::Identity;
pub use pattern::Pattern;
pub use scope::{Role, Scope};
