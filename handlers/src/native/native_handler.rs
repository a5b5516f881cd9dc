use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use rhai_dispatcher_core::{
    HandlerInfo, HandlerType, Invalid, Json, MethodForm, MethodInfo, MethodName, Slots, TaskError,
    TaskErrorKind,
};
use tower::Service;

use super::{Method, MethodHandler};
use crate::layers::{Layered, MethodCall, MethodService};

/// A handler that is registered: what the lanes of a worker share of it.
#[derive(Debug)]
pub(crate) struct NativeHandler {
    pub(crate) info: HandlerInfo,
    methods: Methods,
    /// What its layers made of the methods, if it has layers.
    layered: Option<Layered>,
}

/// The methods without layers.
#[derive(Debug, Clone)]
struct Methods {
    methods: Arc<BTreeMap<MethodName, Method>>,
    /// One for each call that may run.
    threads: Option<Slots>,
}

impl NativeHandler {
    /// # Errors
    /// See [`MethodHandler::check`].
    pub(crate) fn new(handler: &MethodHandler) -> Result<Self, Invalid> {
        handler.check()?;
        let threads = (handler.threads > 0).then(|| Slots::new(handler.threads));
        let methods = Methods { methods: Arc::new(handler.methods.clone()), threads };
        let innermost = methods.clone();
        let layered = handler.layers.around(move || MethodService::new(innermost.clone()));
        Ok(Self { info: describe(handler), methods, layered })
    }

    /// Whether it has this method.
    pub(crate) fn has(&self, method: &MethodName) -> bool {
        self.methods.methods.contains_key(method)
    }

    /// Runs one call.
    pub(crate) async fn call(self: Arc<Self>, call: MethodCall) -> Result<Json, TaskError> {
        match &self.layered {
            None => self.methods.begin(call).await,
            Some(layered) => layered.call(call).await,
        }
    }
}

impl Methods {
    fn begin(&self, call: MethodCall) -> BoxFuture<'static, Result<Json, TaskError>> {
        // A layer may have changed the name.
        let Some(method) = self.methods.get(&call.method).cloned() else {
            let message = format!("the handler has no method `{}`", call.method);
            return Box::pin(async { Err(TaskError::new(TaskErrorKind::UnknownMethod, message)) });
        };
        match self.threads.clone() {
            None => method.call(call),
            Some(threads) => Box::pin(async move {
                let _thread = threads.acquire(call.task.priority).await;
                method.call(call).await
            }),
        }
    }
}

impl Service<MethodCall> for Methods {
    type Response = Json;
    type Error = TaskError;
    type Future = BoxFuture<'static, Result<Json, TaskError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TaskError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: MethodCall) -> Self::Future {
        self.begin(call)
    }
}

fn describe(handler: &MethodHandler) -> HandlerInfo {
    let mut info = HandlerInfo::new(&*handler.name, HandlerType::Native);
    info.description.clone_from(&handler.description);
    info.threads = handler.threads;
    for (name, method) in &handler.methods {
        // What is written about a type that several methods take is about none of them.
        let takers = handler.methods.values().filter(|other| other.params.schema() == method.params.schema());
        let is_shared = takers.count() > 1;
        let of_type = if is_shared { "" } else { method.params.description() };
        let own = handler.descriptions.get(name).cloned();
        let mut of_method =
            MethodInfo::new(name.clone(), vec![MethodForm::new(method.params.describe(), None)]);
        of_method.description = own.unwrap_or_else(|| of_type.to_owned());
        of_method.schema = Json::of(method.params.schema()).ok();
        info.methods.push(of_method);
    }
    info
}
