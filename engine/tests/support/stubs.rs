//! Asynchronous functions for tests, and how many of their calls are alive.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rhai::Dynamic;
use rhai_dispatcher_engine::{AsyncFnConfig, Call, EngineConfig, This};

/// What a script names and creates.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) name: String,
}

/// Counts calls from their beginning to the drop of their future.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alive(Arc<AtomicUsize>);

pub(crate) struct Guard(Alive);

impl Alive {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn enter(&self) -> Guard {
        self.0.fetch_add(1, Ordering::SeqCst);
        Guard(self.clone())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// - `look_up(name)`: ready at once; fails without a name
/// - `nap(ms)`: takes that long, and returns it
/// - `fail(ms)`: fails after that long
/// - `never()`: has to be cancelled, or times out after 10 s
/// - `echo(value)`: the value, whatever it is
/// - `number()`: which call it is
/// - `boom(ms)`: panics after that long
/// - `new_product().name(text).create()`: takes a second
pub(crate) fn with_stubs(config: EngineConfig, alive: &Alive) -> EngineConfig {
    let of_nap = alive.clone();
    let of_never = alive.clone();
    config
        .with_setup(|engine| {
            engine.register_type_with_name::<Product>("Product");
            engine.register_fn("new_product", || Product { name: String::new() });
            engine.register_fn("name", |_: Product, name: &str| Product { name: name.to_owned() });
        })
        .with_async_fn("look_up", |name: String| async move {
            if name.is_empty() { Err("a name is missing") } else { Ok(format!("{name} Lovelace")) }
        })
        .with_async_fn("nap", move |call: Call, ms: u64| {
            let guard = of_nap.enter();
            async move {
                call.sleep(Duration::from_millis(ms)).await;
                drop(guard);
                ms
            }
        })
        .with_async_fn("fail", |ms: u64, call: Call| async move {
            call.sleep(Duration::from_millis(ms)).await;
            Err::<(), _>(format!("failed after {ms} ms"))
        })
        .with_async_fn_config(
            "never",
            AsyncFnConfig::new().with_timeout(Duration::from_secs(10)),
            move || {
                let guard = of_never.enter();
                async move {
                    pending::<()>().await;
                    drop(guard);
                }
            },
        )
        .with_async_fn("echo", |value: Dynamic| async move { value })
        .with_async_fn("number", |call: Call| async move { call.number() })
        .with_async_fn("boom", |call: Call, ms: u64| async move {
            call.sleep(Duration::from_millis(ms)).await;
            assert!(ms == 0, "boom after {ms} ms");
        })
        .with_async_fn("create", |call: Call, This(product): This<Product>| async move {
            call.sleep(Duration::from_secs(1)).await;
            if product.name.is_empty() {
                Err("a name is missing")
            } else {
                Ok(format!("prod_{}", product.name))
            }
        })
}
