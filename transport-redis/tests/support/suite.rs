//! The conformance suite, against servers that the cases share. Each case has a prefix of its own.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rhai_dispatcher_conformance::{self as conformance, Environment};
use rhai_dispatcher_core::{Clock, SystemClock, Transport, TransportConfig};
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};

struct Redis {
    url: String,
    prefix: String,
    clock: SystemClock,
}

#[async_trait(?Send)]
impl Environment for Redis {
    async fn open(&self, config: TransportConfig) -> Arc<dyn Transport> {
        let config = RedisConfig::new(&self.url).with_prefix(&self.prefix).with_transport(config);
        let transport = RedisTransport::new(config).expect("a valid config");
        // So that the clock, which is the server's, is known before the first look at it.
        transport.connect().await.expect("a connection");
        Arc::new(transport)
    }

    fn config(&self) -> TransportConfig {
        TransportConfig::default()
            .with_lease(Duration::from_millis(400))
            .with_record_ttl(Duration::from_millis(700))
    }

    async fn elapse(&self, by: Duration) {
        self.clock.sleep_until(self.clock.now() + by).await;
    }

    async fn settle(&self) {
        self.elapse(Duration::from_millis(15)).await;
    }
}

/// Runs the suite against the servers of a URL.
pub(crate) fn run(name: &str, url: String) -> ExitCode {
    // Static, so that the function that makes environments needs no state.
    URL.set(url).expect("it is set once");
    conformance::main(name, environment)
}

static URL: std::sync::OnceLock<String> = std::sync::OnceLock::new();

fn environment() -> Box<dyn Environment> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let url = URL.get().expect("main has set it").clone();
    Box::new(Redis { url, prefix: format!("case{number}"), clock: SystemClock::new() })
}
