use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::service::signature::Signature;

/// A signature whose values can be sent to other processes. Each has it whose types implement serde's traits.
pub trait WireSignature:
    Signature<
        Request: Serialize + DeserializeOwned + 'static,
        Response: Serialize + DeserializeOwned + Send + 'static,
        Error: Serialize + DeserializeOwned + Send + 'static,
    > + 'static
{
}

impl<S> WireSignature for S
where
    S: Signature + 'static,
    S::Request: Serialize + DeserializeOwned + 'static,
    S::Response: Serialize + DeserializeOwned + Send + 'static,
    S::Error: Serialize + DeserializeOwned + Send + 'static,
{
}
