//! `import`: the modules of one folder.
//!
//! - `resolver`: [`Resolver`], what Rhai asks for a module
//! - `module_file`: reads it
//! - `import_error`: why there is an error instead

mod import_error;
mod module_file;
mod resolver;

pub(crate) use resolver::Resolver;
