//! How values are shown in pages.

mod ago;
mod code_spans;
mod excerpt;
mod lines;
mod number;
mod shown;
mod span;
mod spark;

pub(super) use ago::Ago;
pub(super) use code_spans::code_spans;
pub(super) use excerpt::Excerpt;
pub(super) use lines::SourceLines;
pub(super) use number::{bytes, count, counted, percent};
pub(super) use shown::{html_bytes, shown, within};
pub(super) use span::span;
pub(super) use spark::spark;
