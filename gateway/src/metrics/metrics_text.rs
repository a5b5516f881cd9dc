use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

/// What `GET /metrics` answers: the metrics of this process in the text format of Prometheus. It is made anew for each scrape.
#[derive(Clone)]
pub struct MetricsText(Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>);

impl MetricsText {
    /// The text that `render` makes.
    pub fn new(render: impl Fn() -> BoxFuture<'static, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(render))
    }

    pub(crate) async fn render(&self) -> String {
        (self.0)().await
    }
}

impl fmt::Debug for MetricsText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsText").finish_non_exhaustive()
    }
}
