use serde::{Deserialize, Serialize};

/// The error of a service that does not fail: as [`Infallible`](std::convert::Infallible), but with serde's traits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum NoError {}
