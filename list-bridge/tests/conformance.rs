//! The transport that follows the ids of clients keeps the whole contract.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use rhai_dispatcher_conformance::{self as conformance, Environment};
use rhai_dispatcher_core::{Clock, SystemClock, Transport, TransportConfig};
use rhai_dispatcher_list_bridge::FollowingTransport;
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
use rhai_dispatcher_test_redis::RedisServer;

struct Following {
    url: String,
    prefix: String,
    clock: SystemClock,
}

#[async_trait(?Send)]
impl Environment for Following {
    async fn open(&self, config: TransportConfig) -> Arc<dyn Transport> {
        let config = RedisConfig::new(&self.url).with_prefix(&self.prefix).with_transport(config);
        let transport = RedisTransport::new(config).expect("a valid config");
        transport.connect().await.expect("a connection");
        Arc::new(FollowingTransport::new(transport))
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

fn main() -> ExitCode {
    let server = RedisServer::start();
    URL.set(server.unix_url()).expect("it is set once");
    let code = conformance::main("following", environment);
    drop(server);
    code
}

static URL: OnceLock<String> = OnceLock::new();

fn environment() -> Box<dyn Environment> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let url = URL.get().expect("main has set it").clone();
    Box::new(Following { url, prefix: format!("case{number}"), clock: SystemClock::new() })
}
