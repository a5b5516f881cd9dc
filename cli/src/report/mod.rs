//! What is printed, and how it looks.

mod console;
mod failure;
mod printer;
mod snippet;
mod styles;

pub(crate) use console::Console;
pub(crate) use failure::Failure;
pub(crate) use printer::Printer;
pub(crate) use snippet::Snippet;
pub(crate) use styles::Styles;
