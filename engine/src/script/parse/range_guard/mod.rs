//! Bounds assignments to a range of a string, `s[0..2] = value`, in a compiled form.
//!
//! Rhai writes the value out by itself then, without a limit or a step between, and does not look at the size of the
//! string afterwards. It has no hook for that. So the value of each assignment to an index that may be a range becomes
//! `VALUE`, which looks at the value first. An index that has side effects becomes `INDEX`, which accepts no range.
//!
//! - `guard`: [`guard_ranges`], what is to be guarded
//! - `find`: whether a compiled form has such assignments
//! - `rewrite`: puts the tokens into its statements
//! - `tokens`: their names
//! - `syntax`: what they do when the script runs

mod find;
mod guard;
mod rewrite;
mod syntax;
mod tokens;

pub(super) use guard::guard_ranges;
pub(crate) use syntax::register;
