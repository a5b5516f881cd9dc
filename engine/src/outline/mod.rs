//! What a script defines, and what is written about it.

mod doc_comments;
mod script_outline;

pub use script_outline::{FunctionOutline, ScriptOutline};
