//! What instances say of themselves and count, and how that is read.

mod figures;
mod instances;
#[expect(clippy::module_inception, reason = "the file is named for its main function")]
mod report;

pub(crate) use figures::read_figures;
pub(crate) use instances::read_instances;
pub(crate) use report::report;
