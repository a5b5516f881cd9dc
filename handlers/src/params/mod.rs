//! The parameters of a method that is a Rust function: their form and description, and how a call's are read.

#[expect(clippy::module_inception, reason = "the file is named for its main type")]
mod params;
mod params_form;

pub(crate) use params::Params;
pub(crate) use params_form::ParamsForm;
