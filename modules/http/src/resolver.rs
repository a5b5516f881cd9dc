use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;
use tokio::sync::Semaphore;

use crate::policy::Policy;
use crate::{HttpError, HttpErrorKind};

/// Looks names up, and returns only addresses that may be called. The client connects to
/// the returned addresses, so a second look-up with another result can't happen.
#[derive(Debug)]
pub(crate) struct GuardedResolver {
    policy: Arc<Policy>,
    /// Bounds concurrent look-ups, because each holds a thread of tokio's, and may hold it for long.
    lookups: Arc<Semaphore>,
}

impl GuardedResolver {
    pub(crate) fn new(policy: Arc<Policy>, max_lookups: usize) -> Self {
        let lookups = Arc::new(Semaphore::new(max_lookups.clamp(1, Semaphore::MAX_PERMITS)));
        Self { policy, lookups }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.policy);
        let lookups = Arc::clone(&self.lookups);
        Box::pin(async move {
            let _turn = lookups.acquire().await?;
            let name = name.as_str();
            let found = lookup_host((name, 0)).await.map_err(|_| {
                HttpError::new(HttpErrorKind::Resolve, format!("the name {name} can't be looked up"))
            })?;
            let addresses: Addrs = Box::new(policy.permitted(name, found)?.into_iter());
            Ok(addresses)
        })
    }
}
