use std::future::Future;
use std::sync::Arc;

use rhai_dispatcher_core::{Completion, Finished};

use super::finish_request::FinishRequest;
use crate::batch::Batcher;
use crate::client::ClientError;
use crate::instance::LocalInstance;

/// Finishes the claims of all instances of a handle, in batches.
#[derive(Debug)]
pub(crate) struct Finisher {
    batcher: Batcher<FinishRequest, Finished>,
}

impl Finisher {
    pub(crate) const fn new(batcher: Batcher<FinishRequest, Finished>) -> Self {
        Self { batcher }
    }

    /// Sends the end of a claim.
    pub(crate) fn finish(
        &self,
        instance: &Arc<LocalInstance>,
        done: &Completion,
    ) -> impl Future<Output = Result<Finished, ClientError>> + Send + use<> {
        let held = instance.lock().finish(&done.claim);
        self.batcher.ask(FinishRequest::new(instance, done, held.as_ref()))
    }

    /// Sends the end of a claim whose payload can't be decoded.
    pub(crate) fn finish_undecodable(
        &self,
        instance: &Arc<LocalInstance>,
        done: &Completion,
        problem: &str,
    ) -> impl Future<Output = Result<Finished, ClientError>> + Send + use<> {
        self.batcher.ask(FinishRequest::undecodable(instance, done, problem))
    }
}
