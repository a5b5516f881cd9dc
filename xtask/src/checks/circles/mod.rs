//! No file of a package imports in a circle with another.
//!
//! - `check`: every package of the workspace, and what is printed
//! - `crate_files`: the files of a library or program, and which of them imports which
//! - `module`, `parser`: what one module declares, defines, imports and names, and how it is read from a source
//! - `cycles`: the circles of a graph

mod check;
mod crate_files;
mod cycles;
mod module;
mod parser;

pub(crate) use check::check;
