//! An instance, as this process holds it: its claims and its lease.

mod claims;
mod lease;
mod local_instance;

pub(crate) use claims::{ClaimCall, HeldClaim};
pub(crate) use lease::{detach, renew};
pub(crate) use local_instance::LocalInstance;
