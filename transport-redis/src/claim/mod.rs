//! Claims: how an instance gets tasks.

mod claim_loop;
mod credit;

pub(crate) use claim_loop::ClaimLoop;
