//! A server that behaves like Stripe, and scripts that call it.
#![allow(dead_code, reason = "each test file uses a part")]

#[path = "../../../../engine/tests/support/mod.rs"]
mod engine;

use std::time::Duration;

use futures::executor::block_on;
use rhai_dispatcher_core::{Outcome, Ran, TaskLog};
use rhai_dispatcher_engine::{EngineConfig, Secret};
use rhai_dispatcher_stripe::{StripeConfig, StripeModule};
use rhai_dispatcher_test_http::{Answer, Asked, TestServer};
use rhai_dispatcher_tokio_bridge::TokioBridge;

#[allow(unused_imports, reason = "each test file uses a part")]
pub(crate) use engine::{Bench, examples::check_examples};

pub(crate) const KEY: &str = "sk_test_51xyzzy";

/// Gives new objects ids such as `prod_1`, and checks the headers that every call must have.
pub(crate) fn stripe() -> TestServer {
    TestServer::start(answer)
}

pub(crate) fn answer(asked: &Asked) -> Answer {
    let error = |status: u16, kind: &str, message: &str| {
        let body = format!(
            r#"{{"error": {{"type": "{kind}", "message": "{message}", "param": "p", "code": "c"}}}}"#
        );
        Answer::json(body).with_status(status).with_header("request-id", "req_1")
    };
    let authorization = asked.header("authorization").unwrap_or_default();
    if !authorization.starts_with("Bearer sk_test_") {
        let message = format!("Invalid API Key provided: {}", authorization.replace("Bearer ", ""));
        return error(401, "invalid_request_error", &message);
    }
    if asked.header("stripe-version") != Some("2025-03-31.basil") {
        return error(400, "invalid_request_error", "no version");
    }
    let is_post = asked.method == "POST";
    if is_post
        && (asked.header("content-type") != Some("application/x-www-form-urlencoded")
            || asked.header("idempotency-key").is_none())
    {
        return error(400, "invalid_request_error", "no form, or no key");
    }
    if asked.body.contains("declined") {
        return error(402, "card_error", "Your card was declined.");
    }
    let path = asked.path.split('?').next().unwrap_or_default();
    let Some(rest) = path.strip_prefix("/v1/") else { return error(404, "invalid_request_error", "no path") };
    let (collection, id) =
        rest.split_once('/').map_or((rest, None), |(collection, id)| (collection, Some(id)));
    let prefix = match collection {
        "products" => "prod",
        "prices" => "price",
        "coupons" => "coupon",
        "customers" => "cus",
        "payment_intents" => "pi",
        "subscriptions" => "sub",
        _ => return error(404, "invalid_request_error", "no such collection"),
    };
    match (is_post, id) {
        (true, None) => Answer::json(format!(r#"{{"id": "{prefix}_{}", "livemode": false}}"#, asked.number)),
        (_, Some(id)) => Answer::json(format!(r#"{{"id": "{id}", "object": "{prefix}"}}"#)),
        (false, None) => Answer::json(r#"{"data": [{"id": "x_1"}], "has_more": true}"#),
    }
}

pub(crate) fn config(server: &TestServer) -> StripeConfig {
    StripeConfig::new().with_base_url(server.url("")).with_backoff(Duration::from_millis(5))
}

pub(crate) fn bench_with(config: StripeConfig) -> Bench {
    let stripe = StripeModule::new(config, TokioBridge::new()).expect("a client");
    Bench::with(stripe.install(EngineConfig::new().with_secret("STRIPE_API_KEY", Secret::new(KEY))))
}

/// Scripts that start with a key, and whose arrays have at most `max` elements.
pub(crate) fn bench_with_array_limit(server: &TestServer, max: usize) -> Bench {
    let stripe = StripeModule::new(config(server).with_key(Secret::new(KEY)), TokioBridge::new());
    let mut engine = EngineConfig::new();
    engine.limits.max_array_size = max;
    Bench::with(stripe.expect("a client").install(engine))
}

/// Scripts that start with a key.
pub(crate) fn bench(server: &TestServer) -> Bench {
    bench_with(config(server).with_key(Secret::new(KEY)))
}

pub(crate) fn run(bench: &Bench, script: &str) -> (Outcome, TaskLog) {
    match block_on(bench.start(script).future) {
        Ran::Finished(outcome, log) => (outcome, log),
        Ran::Stopped(log) => panic!("{script}: stopped: {log:?}"),
    }
}

/// The JSON of a script's result.
pub(crate) fn value(bench: &Bench, script: &str) -> String {
    match run(bench, script).0 {
        Outcome::Completed(output) => output.as_json().as_str().to_owned(),
        other => panic!("{script}: {other:?}"),
    }
}

/// The message of a script's error.
pub(crate) fn error(bench: &Bench, script: &str) -> String {
    match run(bench, script).0 {
        Outcome::Error(error) => error.message,
        other => panic!("{script}: {other:?}"),
    }
}
