//! The words that are not used in this project, and what to write instead.
//!
//! - `words.txt`: the list
//! - `check`: reads every file, and prints what it finds
//! - `rule`: a line of the list
//! - `prose`: the words of comments, texts and names, with their lines

mod check;
mod prose;
mod rule;

pub(crate) use check::check;
