//! Every route and every method against every sort of caller.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use http_body_util::BodyExt;
use rhai_dispatcher::RhaiDispatcher;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::router::{router, routes};
use crate::auth::{Role, Scope, TokenFile};
use crate::method::BUILT_IN;
use crate::server::IsTls;
use crate::{Gateway, GatewayBuilder};

/// The callers, in the order of the columns.
const CALLERS: [&str; 6] = ["without a token", "wrong token", "read", "call", "call with scripts", "admin"];

/// For each caller: `+` passes, `u` is not authenticated (401), `f` is forbidden (403, or the error -32003).
type Row = (&'static str, &'static str);

const ROUTES: &[Row] = &[
    ("GET /healthz", "+u++++"),
    ("GET /readyz", "+u++++"),
    ("GET /metrics", "uu++++"),
    ("GET /assets/{version}/{*name}", "+u++++"),
    ("GET /login", "+u++++"),
    ("GET /", "uu++++"),
    ("GET /tasks", "uu++++"),
    ("GET /tasks/bulk", "uuf+++"),
    ("POST /tasks/bulk", "uuf+++"),
    ("GET /tasks/{id}", "uu++++"),
    ("GET /tasks/{id}/{part}", "uu++++"),
    ("POST /tasks/{id}/cancel", "uuf+++"),
    ("POST /tasks/{id}/run", "uuf+++"),
    ("GET /errors", "uu++++"),
    ("GET /queues", "uu++++"),
    ("POST /queues/{id}/pause", "uufff+"),
    ("POST /queues/{id}/resume", "uufff+"),
    ("GET /handlers", "uu++++"),
    ("GET /handlers/{worker_id}/{name}", "uu++++"),
    ("GET /methods/{worker_id}/{name}", "uu++++"),
    ("GET /methods/{worker_id}/{name}/schema", "uu++++"),
    ("POST /methods/{worker_id}/{name}", "uuf+++"),
    ("GET /playground", "uuff++"),
    ("POST /playground", "uuff++"),
    ("GET /audit", "uufff+"),
    ("POST /login", "+u++++"),
    ("POST /logout", "uu++++"),
    ("GET /session", "uu++++"),
    ("POST /rpc", "uu++++"),
    ("GET /ws", "uu++++"),
];

const METHODS: &[Row] = &[
    ("play", "uuff++"),
    ("play.submit", "uuff++"),
    ("call", "uuf+++"),
    ("call.submit", "uuf+++"),
    ("task.status", "uu++++"),
    ("task.wait", "uu++++"),
    ("task.cancel", "uuf+++"),
    ("task.subscribe", "uu++++"),
    ("task.unsubscribe", "uu++++"),
    ("handlers.list", "uu++++"),
    ("activity.list", "uu++++"),
    ("tasks.list", "uu++++"),
    ("task.inspect", "uu++++"),
    ("audit.list", "uufff+"),
    ("rpc.discover", "uu++++"),
];

/// A method of a worker.
const OF_A_WORKER: Row = ("shop.prices.get", "uuf+++");

#[test]
fn each_route_and_method_has_a_row() {
    let rows = |rows: &[Row]| rows.iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>();
    let routes: BTreeSet<_> =
        routes().table().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(rows(ROUTES), routes);
    assert_eq!(rows(METHODS), BUILT_IN.iter().map(|method| method.name.to_owned()).collect());
}

#[tokio::test]
async fn routes_pass_whom_they_should() {
    let guarded = Guarded::new();
    for (route, expected) in ROUTES {
        let (method, path) = route.split_once(' ').expect("a method and a path");
        for (at, caller) in CALLERS.iter().enumerate() {
            let response = guarded.send(at, method, path, String::new()).await;
            let seen = match response.status().as_u16() {
                401 => 'u',
                403 => 'f',
                _ => '+',
            };
            assert_eq!(expected.chars().nth(at), Some(seen), "{route}, {caller}: {}", response.status());
        }
    }
}

#[tokio::test]
async fn methods_pass_whom_they_should() {
    let guarded = Guarded::new();
    for (name, expected) in METHODS.iter().chain([&OF_A_WORKER]) {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": name, "params": [] }).to_string();
        for (at, caller) in CALLERS.iter().enumerate() {
            let response = guarded.send(at, "POST", "/rpc", request.clone()).await;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            let answer: Value = serde_json::from_slice(&body).expect("JSON");
            let seen = match (status, answer["error"]["code"].as_i64()) {
                (401, _) => 'u',
                (200, Some(-32003)) => 'f',
                (200, _) => '+',
                other => panic!("{name}, {caller}: {other:?}"),
            };
            assert_eq!(expected.chars().nth(at), Some(seen), "{name}, {caller}: {answer}");
        }
    }
}

/// The routes of a gateway with a token for each caller.
struct Guarded {
    router: Router,
    tokens: [Option<String>; CALLERS.len()],
    _gateway: Gateway,
    _folder: tempfile::TempDir,
}

impl Guarded {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = TokenFile::new(folder.path().join("tokens.json"));
        let add = |scope| file.add("ann", scope, None).expect("a token").0.expose().to_owned();
        let call = Scope::new(Role::Call);
        let tokens = [
            None,
            Some("rhaid_wrong".to_owned()),
            Some(add(Scope::new(Role::Read))),
            Some(add(call.clone())),
            Some(add(call.with_scripts(true))),
            Some(add(Scope::admin())),
        ];
        let dispatcher = RhaiDispatcher::builder().caller_id("tests").url("memory:").build().expect("one");
        let gateway = GatewayBuilder::new().dispatcher(dispatcher).tokens(file).build().expect("a gateway");
        Self { router: router(gateway.core()), tokens, _gateway: gateway, _folder: folder }
    }

    async fn send(&self, caller: usize, method: &str, path: &str, body: String) -> Response {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        request = request.header("content-type", "application/json");
        if let Some(token) = &self.tokens[caller] {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut request = request.body(Body::from(body)).expect("a request");
        let peer: SocketAddr = "127.0.0.1:1".parse().expect("an address");
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(IsTls(false));
        self.router.clone().oneshot(request).await.expect("an answer")
    }
}
