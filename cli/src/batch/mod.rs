//! Many scripts through one dispatcher.

#[expect(clippy::module_inception, reason = "each file is named for its main type")]
mod batch;
mod ending;
mod script_reader;

pub(crate) use batch::Batch;
pub(crate) use ending::Ending;
pub(crate) use script_reader::ScriptReader;
