//! What is written about the functions of scripts: the tables from which `docs/scripting.md` and `rhaid functions` are
//! made.

mod every_script;
mod function_doc;
mod module_doc;
mod request_functions;
mod script_functions;

pub(crate) use every_script::EVERY_SCRIPT;
pub use function_doc::FunctionDoc;
pub use module_doc::ModuleDoc;
