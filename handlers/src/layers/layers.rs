use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, OnceLock};

use rhai_dispatcher_core::{Json, Slots, TaskError, lock};
use tower::{BoxError, Layer, Service};

use super::{MethodCall, MethodService};

/// The layers of a handler, innermost first.
#[derive(Clone, Default)]
pub(crate) struct Layers(Vec<Wrap>);

/// Puts a layer around a service.
type Wrap = Arc<dyn Fn(MethodService) -> MethodService + Send + Sync>;

/// A service with layers around it, which all lanes of a worker share.
pub(crate) struct Layered {
    layers: Layers,
    innermost: Box<dyn Fn() -> MethodService + Send + Sync>,
    /// Held by the one call that waits until the service is ready: a service wakes only the last that asked.
    turn: Slots,
    /// Made by the first call: tower's rate limit has a timer from the beginning, so it needs the runtime of calls.
    service: OnceLock<Mutex<MethodService>>,
}

impl Layers {
    /// Adds one around the others.
    pub(crate) fn push<L>(&mut self, layer: L)
    where
        L: Layer<MethodService> + Send + Sync + 'static,
        L::Service: Service<MethodCall, Response = Json, Error: Into<BoxError>, Future: Send + 'static>,
        L::Service: Send + 'static,
    {
        self.0.push(Arc::new(move |inner| MethodService::new(layer.layer(inner))));
    }

    /// `innermost` with the layers around it; `None` without layers.
    pub(crate) fn around(
        &self,
        innermost: impl Fn() -> MethodService + Send + Sync + 'static,
    ) -> Option<Layered> {
        (!self.0.is_empty()).then(|| Layered {
            layers: self.clone(),
            innermost: Box::new(innermost),
            turn: Slots::new(1),
            service: OnceLock::new(),
        })
    }
}

impl Layered {
    /// Runs one call, once the service is ready for it.
    pub(crate) async fn call(&self, call: MethodCall) -> Result<Json, TaskError> {
        let turn = self.turn.acquire(call.task.priority).await;
        let service = self.service.get_or_init(|| {
            Mutex::new(self.layers.0.iter().fold((self.innermost)(), |inner, wrap| wrap(inner)))
        });
        poll_fn(|cx| lock(service).poll_ready(cx)).await?;
        let running = lock(service).call(call);
        drop(turn);
        running.await
    }
}

impl fmt::Debug for Layered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layered").field("layers", &self.layers).finish_non_exhaustive()
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Layers").field(&self.0.len()).finish()
    }
}
