//! What is counted of the calls of methods.

mod counters;
mod histogram;
mod summary;

pub use counters::Counters;
pub use histogram::Histogram;
pub use summary::Figures;
