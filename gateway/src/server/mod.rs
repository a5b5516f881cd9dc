//! Sockets: who is let in, and until when.

mod address_table;
mod gate;
mod serve;

pub(crate) use gate::GatePermit;
pub(crate) use serve::serve;
