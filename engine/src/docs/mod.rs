//! What is written about the functions of scripts: the tables from which `docs/scripting.md` and `rhaid functions` are
//! made.

mod engine;
mod function_doc;
mod module_doc;

pub(crate) use engine::ENGINE;
pub use function_doc::FunctionDoc;
pub use module_doc::ModuleDoc;
