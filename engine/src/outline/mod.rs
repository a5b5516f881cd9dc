//! What a script defines, and what is written about it.

mod doc_comments;
mod place;
mod script_outline;
mod unknown_calls;

pub use script_outline::{FunctionOutline, ImportOutline, ScriptOutline};
pub use unknown_calls::UnknownCall;
