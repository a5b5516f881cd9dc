//! Bounds on what Rhai's parser does, token by token.

mod context;
mod name_scope;
mod nesting;
mod open_comment;
mod parse;
#[expect(clippy::module_inception, reason = "the file is named for its main type")]
mod parse_guard;

pub(crate) use parse_guard::{CURRY, ParseGuard};
