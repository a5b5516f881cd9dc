use rhai::Dynamic;
use rhai_dispatcher_engine::{AsyncFnConfig, EngineConfig};
use rhai_dispatcher_tokio_bridge::TokioBridge;

use crate::options::ScriptRequest;
use crate::{HttpClient, HttpConfig, HttpError};

/// The functions `http_get`, `http_post` and `http_request`, and their `_async` forms.
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

        let of = || self.client.clone();
        let (get, get_with, post, post_with, request) = (of(), of(), of(), of(), of());
        engine
            .with_async_fn_config("http_get", limits.clone(), move |url: Dynamic| {
                let asked = ScriptRequest::new("GET", &url, &Dynamic::UNIT, get.config());
                answer(get.clone(), asked)
            })
            .with_async_fn_config("http_get", limits.clone(), move |url: Dynamic, options: Dynamic| {
                let asked = ScriptRequest::new("GET", &url, &options, get_with.config());
                answer(get_with.clone(), asked)
            })
            .with_async_fn_config("http_post", limits.clone(), move |url: Dynamic, body: Dynamic| {
                let config = post.config();
                let asked = ScriptRequest::new("POST", &url, &Dynamic::UNIT, config)
                    .and_then(|asked| asked.with_any_body(&body, config));
                answer(post.clone(), asked)
            })
            .with_async_fn_config(
                "http_post",
                limits.clone(),
                move |url: Dynamic, body: Dynamic, options: Dynamic| {
                    let config = post_with.config();
                    let asked = ScriptRequest::new("POST", &url, &options, config)
                        .and_then(|asked| asked.with_any_body(&body, config));
                    answer(post_with.clone(), asked)
                },
            )
            .with_async_fn_config("http_request", limits, move |options: Dynamic| {
                let asked = ScriptRequest::of_map(&options, request.config());
                answer(request.clone(), asked)
            })
    }
}

/// What a script gets of a call.
async fn answer(client: HttpClient, asked: Result<ScriptRequest, HttpError>) -> Result<Dynamic, Dynamic> {
    let ScriptRequest { request, shown } = asked?;
    let origin = request.origin();
    let response = client.send(request).await?;
    Ok(response.into_map(shown).map_err(|error| error.at(&origin))?.into())
}
