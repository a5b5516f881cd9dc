//! Asynchronous functions, and the requests that scripts make of them.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use rhai_dispatcher_engine::{Call, EngineConfig, This};
use support::Bench;

fn config() -> EngineConfig {
    EngineConfig::new()
        .with_setup(|engine| {
            engine.register_fn("new_product", || Product(String::new()));
            engine
                .register_fn("name", |product: Product, name: &str| Product(format!("{}{name}", product.0)));
        })
        .with_async_fn("look_up", |name: String| async move {
            if name.is_empty() { Err("a name is missing") } else { Ok(format!("{name} Lovelace")) }
        })
        .with_async_fn("nap", |call: Call, ms: u64| async move {
            call.sleep(std::time::Duration::from_millis(ms)).await;
            ms
        })
        .with_async_fn("create", |This(product): This<Product>| async move { format!("prod_{}", product.0) })
}

#[derive(Clone)]
struct Product(String);

#[test]
fn a_function_has_two_forms() {
    let bench = Bench::with(config());
    assert_eq!(bench.value(r#"look_up("Ada")"#), r#""Ada Lovelace""#);
    assert_eq!(bench.value(r#"let id = look_up_async("Ada"); get_result(id)"#), r#""Ada Lovelace""#);
    assert_eq!(
        bench.value(r#"let m = (); try { look_up("") } catch (e) { m = e } m"#),
        r#""a name is missing""#
    );
    assert_eq!(bench.value(r#"new_product().name("x").create()"#), r#""prod_x""#);
    assert_eq!(
        bench.value(r#"let r = new_product().name("x").create_async(); await_result(r, 30)"#),
        r#""prod_x""#
    );
}
