use rhai::Dynamic;
use rhai_dispatcher_engine::{AsyncFnConfig, Call, EngineConfig};
use rhai_dispatcher_tokio_bridge::TokioBridge;

use crate::docs::DOCS;
use crate::options::ScriptRequest;
use crate::{HttpClient, HttpConfig, HttpError};

/// The functions `http_get`, `http_post`, `http_put`, `http_patch`, `http_delete` and `http_request`, and their `_async`
/// forms.
///
/// ```
/// use rhai_dispatcher_engine::EngineConfig;
/// use rhai_dispatcher_http::{HttpConfig, HttpModule};
/// use rhai_dispatcher_tokio_bridge::TokioBridge;
///
/// let http = HttpModule::new(HttpConfig::new(), TokioBridge::new())?;
/// let engine = http.install(EngineConfig::new());
/// # Ok::<(), rhai_dispatcher_http::HttpError>(())
/// ```
#[derive(Debug, Clone)]
pub struct HttpModule {
    client: HttpClient,
}

impl HttpModule {
    /// A module whose calls run on the bridge's thread.
    ///
    /// # Errors
    /// Those of [`HttpClient::new`].
    pub fn new(config: HttpConfig, bridge: TokioBridge) -> Result<Self, HttpError> {
        Ok(Self { client: HttpClient::new(config, bridge)? })
    }

    /// Adds the functions to an engine's configuration. All workers that use it share connections and
    /// limits.
    #[must_use]
    pub fn install(&self, engine: EngineConfig) -> EngineConfig {
        let config = self.client.config();
        let limits = AsyncFnConfig::new()
            .with_timeout(config.max_timeout)
            .with_max_concurrent(config.max_concurrent.max(1));

        let engine = self.install_without_body(engine, &limits, "http_get", "GET");
        let engine = self.install_with_body(engine, &limits, "http_post", "POST");
        let engine = self.install_with_body(engine, &limits, "http_put", "PUT");
        let engine = self.install_with_body(engine, &limits, "http_patch", "PATCH");
        let engine = self.install_without_body(engine, &limits, "http_delete", "DELETE");
        let client = self.client.clone();
        engine.with_docs(&DOCS).with_async_fn_config(
            "http_request",
            limits,
            move |call: Call, options: Dynamic| {
                answer(client.clone(), call, ScriptRequest::of_map(&options, client.config()))
            },
        )
    }

    /// `name(url)` and `name(url, options)`.
    fn install_without_body(
        &self,
        engine: EngineConfig,
        limits: &AsyncFnConfig,
        name: &str,
        method: &'static str,
    ) -> EngineConfig {
        let client = self.client.clone();
        let send = move |call: Call, url: Dynamic, options: Dynamic| {
            answer(client.clone(), call, ScriptRequest::new(method, &url, &options, client.config()))
        };
        let plain = send.clone();
        engine
            .with_async_fn_config(name, limits.clone(), move |call: Call, url: Dynamic| {
                plain(call, url, Dynamic::UNIT)
            })
            .with_async_fn_config(name, limits.clone(), send)
    }

    /// `name(url, body)` and `name(url, body, options)`.
    fn install_with_body(
        &self,
        engine: EngineConfig,
        limits: &AsyncFnConfig,
        name: &str,
        method: &'static str,
    ) -> EngineConfig {
        let client = self.client.clone();
        let send = move |call: Call, url: Dynamic, body: Dynamic, options: Dynamic| {
            let config = client.config();
            let asked = ScriptRequest::new(method, &url, &options, config);
            answer(client.clone(), call, asked.and_then(|asked| asked.with_any_body(&body, config)))
        };
        let plain = send.clone();
        engine
            .with_async_fn_config(name, limits.clone(), move |call: Call, url: Dynamic, body: Dynamic| {
                plain(call, url, body, Dynamic::UNIT)
            })
            .with_async_fn_config(name, limits.clone(), send)
    }
}

/// The result of a call in a script.
async fn answer(
    client: HttpClient,
    call: Call,
    asked: Result<ScriptRequest, HttpError>,
) -> Result<Dynamic, Dynamic> {
    let ScriptRequest { mut request, shown } = asked?;
    if client.config().trace_context
        && let Some(trace) = call.task().trace()
    {
        request = request.with_trace(&trace.traceparent(), trace.tracestate())?;
    }
    let origin = request.origin();
    let response = client.send(request).await?;
    Ok(response.into_map(shown).map_err(|error| error.at(&origin))?.into())
}
