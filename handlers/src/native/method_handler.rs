use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rhai_dispatcher_core::{Invalid, Json, MethodName};
use tower::{BoxError, Layer, Service};

use super::{Method, NativeMethod};
use crate::layers::{Layers, MethodCall, MethodService};

/// A handler whose methods are async Rust functions.
///
/// ```
/// use rhai_dispatcher_handlers::MethodHandler;
/// use schemars::JsonSchema;
/// use serde::Deserialize;
///
/// /// Adds two numbers.
/// #[derive(Deserialize, JsonSchema)]
/// struct Add { a: i64, b: i64 }
///
/// let math = MethodHandler::new("math")
///     .with_description("Arithmetic")
///     .with_method("add", |params: Add| async move {
///         params.a.checked_add(params.b).ok_or("the sum is beyond 64 bits")
///     });
/// // The method `math.add`, called with {"a": 1, "b": 2} or [1, 2].
/// ```
///
/// A setter that is given a bad value remembers it; the first one is returned by what registers the handler.
#[derive(Clone)]
#[must_use = "a handler does nothing until it is registered"]
pub struct MethodHandler {
    pub(crate) name: Arc<str>,
    pub(crate) description: String,
    pub(crate) threads: usize,
    pub(crate) methods: BTreeMap<MethodName, Method>,
    /// What is written about methods, beside what their parameters say.
    pub(crate) descriptions: BTreeMap<MethodName, String>,
    pub(crate) layers: Layers,
    problem: Option<Invalid>,
}

impl MethodHandler {
    /// A handler of this name, without methods: letters, digits, `_`, `-` and dots. Methods have names of up to 128
    /// characters, that of their handler included.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        let name = name.into();
        let problem = MethodName::try_from(Arc::clone(&name)).err();
        Self {
            problem: problem.map(|invalid| Invalid::new("handler", invalid.problem, invalid.hint)),
            name,
            description: String::new(),
            threads: 0,
            methods: BTreeMap::new(),
            descriptions: BTreeMap::new(),
            layers: Layers::default(),
        }
    }

    /// Sets what the handler is for.
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Sets how many calls of the handler run at once on one instance, on all its threads together. Calls beyond wait, by
    /// priority. Default: 0, no limit.
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Adds the method `HANDLER.name`; see [`NativeMethod`] for what a function can be. Its description is that of the
    /// parameters' type, unless several methods of the handler take that type, or
    /// [`with_method_description`](Self::with_method_description) sets another one.
    pub fn with_method<Args>(mut self, name: &str, method: impl NativeMethod<Args>) -> Self {
        let Some(name) = self.method_name(name) else { return self };
        if self.methods.contains_key(&name) {
            let problem = format!("`{name}` is given twice");
            return self.refuse(Invalid::new("method", problem, "give each method of a handler once"));
        }
        let method = method.into_method();
        if !method.params.can_be_read() {
            let problem = format!("the parameters of `{name}` are an option or a newtype of their own type");
            let hint = "use a struct with named fields, or a list";
            return self.refuse(Invalid::new("method", problem, hint));
        }
        self.methods.insert(name, method);
        self
    }

    /// Sets what is written about a method.
    pub fn with_method_description(mut self, method: &str, description: impl Into<String>) -> Self {
        if let Some(name) = self.method_name(method) {
            self.descriptions.insert(name, description.into());
        }
        self
    }

    /// Puts a layer of tower's around all calls of the handler, and around the layers added before. All lanes of a worker
    /// share it.
    ///
    /// A call waits until the layers are ready, by priority, and is stopped with its task at any point. Of the layers'
    /// errors, a [`TaskError`](rhai_dispatcher_core::TaskError) ends the call as it is, tower's timeout as one of kind
    /// `timeout`, its shed load as one of kind `limit`, and any other as one of kind `runtime`. Layers that use tokio, such
    /// as tower's timeout and rate limit, need `EngineConfig::with_tokio`.
    pub fn with_layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<MethodService> + Send + Sync + 'static,
        L::Service: Service<MethodCall, Response = Json, Error: Into<BoxError>, Future: Send + 'static>,
        L::Service: Send + 'static,
    {
        self.layers.push(layer);
        self
    }

    /// Whether the handler is as it should be.
    ///
    /// # Errors
    /// The first bad value of a setter; a handler without methods; or a description of a method that is not there.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        let name = &self.name;
        if self.methods.is_empty() {
            return Err(Invalid::new(
                "handler",
                format!("`{name}` has no methods"),
                "give one with with_method(...)",
            ));
        }
        match self.descriptions.keys().find(|method| !self.methods.contains_key(*method)) {
            None => Ok(()),
            Some(method) => {
                let problem = format!("`{method}` is described, and is not there");
                Err(Invalid::new("method", problem, "give it with with_method(...)"))
            }
        }
    }

    /// The whole name of a method; `None`, which is remembered, if it is not one.
    fn method_name(&mut self, name: &str) -> Option<MethodName> {
        if name.contains('.') {
            let problem = format!("{name:?} has a dot, which separates it from its handler");
            self.problem.get_or_insert(Invalid::new(
                "method",
                problem,
                "put what is before it into the handler's name",
            ));
            return None;
        }
        let whole = MethodName::try_from(format!("{}.{name}", self.name));
        match whole {
            Ok(whole) => Some(whole),
            Err(invalid) => {
                self.problem.get_or_insert(invalid);
                None
            }
        }
    }

    fn refuse(mut self, invalid: Invalid) -> Self {
        self.problem.get_or_insert(invalid);
        self
    }
}

impl fmt::Debug for MethodHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MethodHandler")
            .field("name", &self.name)
            .field("threads", &self.threads)
            .field("methods", &self.methods)
            .field("layers", &self.layers)
            .finish_non_exhaustive()
    }
}
