//! Bounds on what Rhai's parser does, token by token.

mod context;
mod parse;
#[expect(clippy::module_inception, reason = "the file is named for its main type")]
mod parse_guard;
mod parse_limits;
mod scope;

pub(crate) use parse_guard::ParseGuard;
