//! Deliveries: claims on their way from the server to the claim calls of an instance.

mod claim_receiver;
mod delivered_claim;

pub(crate) use claim_receiver::ClaimReceiver;
pub(crate) use delivered_claim::DeliveredClaim;
