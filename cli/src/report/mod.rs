//! What is printed, and how it looks.

mod console;
mod failure;
mod printer;
mod record;
mod results;
mod snippet;
mod styles;
mod table;
mod visible;

pub(crate) use console::Console;
pub(crate) use failure::Failure;
pub(crate) use printer::Printer;
pub(crate) use record::Record;
pub(crate) use results::{Results, json};
pub(crate) use snippet::Snippet;
pub(crate) use styles::Styles;
pub(crate) use table::{Column, Table};
