//! What is written about the functions of scripts: the tables from which `docs/scripting.md` and `rhaid functions` are
//! made.

mod function_doc;
mod module_doc;

pub use function_doc::FunctionDoc;
pub use module_doc::ModuleDoc;
