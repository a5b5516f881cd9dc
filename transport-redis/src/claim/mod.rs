//! Claims: how an instance gets tasks.

mod claim_loop;
mod claim_script;
mod credit;
mod delivery_wait;

pub(crate) use claim_loop::ClaimLoop;
