//! Wrappers that each break one promise, and the cases that must catch it.
//!
//! A fault is written once, against the contract, and works over every transport. A fault of the internal state of a
//! transport is simulated by wrong answers about this state, because a caller can't see the difference.

mod activity;
mod cancel;
mod claim;
mod consumer;
mod crash;
mod details;
mod environment;
mod events;
mod fault;
mod finish;
mod inspect;
mod lease;
mod outcome;
mod peer;
mod queue;
mod report;
mod submit;
mod tasks;
mod transport;

pub use fault::FaultCase;

pub(crate) use environment::FaultyEnvironment;
pub(crate) use fault::{Faithful, Fault};

/// All faults, in files like those of the cases. Each case catches at least one fault.
pub static FAULTS: &[&[FaultCase]] = &[
    submit::FAULTS,
    details::FAULTS,
    outcome::FAULTS,
    events::FAULTS,
    inspect::FAULTS,
    cancel::FAULTS,
    queue::FAULTS,
    tasks::FAULTS,
    claim::FAULTS,
    finish::FAULTS,
    lease::FAULTS,
    crash::FAULTS,
    report::FAULTS,
    activity::FAULTS,
];
