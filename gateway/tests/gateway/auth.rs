use std::fs;
use std::sync::Arc;

use rhai_dispatcher_gateway::{GatewayConfig, Role, Scope, Secret, TokenFile};
use rhai_dispatcher_test_redis::{Certificates, Validity};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::{Closing, Http, NEVER, Site, Socket};

/// A gateway with a file of tokens.
struct Guarded {
    site: Site,
    file: TokenFile,
    folder: tempfile::TempDir,
}

impl Guarded {
    async fn new() -> Self {
        Self::with(GatewayConfig::default()).await
    }

    async fn with(config: GatewayConfig) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = TokenFile::new(folder.path().join("tokens.json"));
        let audit = folder.path().join("audit.jsonl");
        let site = Site::build(config, |builder| builder.tokens(file.clone()).audit_file(audit)).await;
        Self { site, file, folder }
    }

    /// A new token, once the gateway knows it.
    async fn token(&self, name: &str, scope: Scope) -> (Secret, Arc<str>) {
        let (secret, record) = self.file.add(name, scope, None).expect("a token");
        let known = crate::support::until("the gateway knows the token", || async {
            self.http().await.token(secret.expose()).get("/session").await.status == 200
        });
        Box::pin(known).await;
        (secret, record.id)
    }

    async fn http(&self) -> Http {
        Box::pin(Http::connect(self.site.address)).await
    }

    async fn call(&self, token: &Secret, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        Box::pin(self.http().await.token(token.expose()).post("/rpc", &request.to_string())).await.json()
    }
}

fn code(answer: &Value) -> i64 {
    answer["error"]["code"].as_i64().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn caller_is_the_name_of_the_token_and_scopes_hold() {
    let guarded = Guarded::new().await;
    let site = &guarded.site;
    assert_eq!(site.rpc("{}").await.status, 401);
    let scripts = Scope::new(Role::Call).with_scripts(true);
    let (ann, _) = guarded.token("ann", scripts.clone()).await;
    let (bob, _) = guarded.token("bob", scripts).await;
    assert_eq!(guarded.call(&ann, "play", json!(["caller_id"])).await["result"], "ann");
    let claimed = json!({ "script": "1", "caller_id": "bob" });
    assert_eq!(code(&guarded.call(&ann, "play", claimed).await), -32602, "it can't be claimed");

    let submitted = guarded.call(&ann, "play.submit", json!(["1"])).await;
    let id = submitted["result"]["taskId"].clone();
    assert_eq!(guarded.call(&ann, "task.wait", json!([id])).await["result"]["callerId"], "ann");
    for method in ["task.status", "task.wait", "task.cancel"] {
        assert_eq!(
            code(&guarded.call(&bob, method, json!([id])).await),
            -32004,
            "{method} of another's task"
        );
    }
    let (all, _) = guarded.token("all", Scope::new(Role::Read).with_all_tasks(true)).await;
    assert_eq!(guarded.call(&all, "task.status", json!([id])).await["result"]["status"], "completed");

    let pattern = |text: &str| vec![text.parse().expect(text)];
    let (some, _) = guarded.token("some", Scope::new(Role::Call).with_methods(pattern("test.e*"))).await;
    assert_eq!(guarded.call(&some, "test.echo", json!([1])).await["result"], json!([1]));
    for method in ["test.fail", "sum", "no.such"] {
        assert_eq!(code(&guarded.call(&some, method, json!([])).await), -32003, "{method}");
        assert_eq!(code(&guarded.call(&some, "call", json!([method])).await), -32003, "{method} by call");
    }
    let document = guarded.call(&some, "rpc.discover", json!([])).await;
    let names: Vec<_> =
        document["result"]["methods"].as_array().expect("methods").iter().map(|one| &one["name"]).collect();
    assert!(names.contains(&&json!("test.echo")) && names.contains(&&json!("call")), "{names:?}");
    for hidden in ["test.fail", "sum", "play", "audit.list"] {
        assert!(!names.contains(&&json!(hidden)), "{hidden}");
    }
    let workers = Scope::new(Role::Call).with_scripts(true).with_worker_ids(pattern("other-*"));
    let (elsewhere, _) = guarded.token("elsewhere", workers).await;
    assert_eq!(code(&guarded.call(&elsewhere, "play", json!(["1"])).await), -32003);
    // The same as of a method that there is nowhere.
    let unknown = guarded.call(&elsewhere, "no.such", json!([1])).await;
    assert_eq!(guarded.call(&elsewhere, "test.echo", json!([1])).await, unknown);
    assert_eq!(code(&unknown), -32601);
    assert_eq!(
        code(&guarded.call(&elsewhere, "call", json!({ "method": "test.echo", "worker_id": "main" })).await),
        -32003
    );
    assert_eq!(guarded.call(&elsewhere, "handlers.list", json!([])).await["result"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_token_ends_its_sockets_and_sessions() {
    let guarded = Guarded::new().await;
    let address = guarded.site.address;
    let (token, id) = guarded.token("ann", Scope::admin()).await;
    let (other, _) = guarded.token("bob", Scope::admin()).await;
    let bearer = |token: &Secret| format!("Bearer {}", token.expose());
    let connect =
        async |token: &Secret| Socket::connect(address, "/ws", &[("authorization", &bearer(token))]).await;
    let mut socket = connect(&token).await.expect("a WebSocket");
    let mut others = connect(&other).await.expect("a WebSocket");
    let protocols = format!("rhaid.jsonrpc, bearer.{}", token.expose());
    let mut browser =
        Socket::connect(address, "/ws", &[("sec-websocket-protocol", &protocols)]).await.expect("one");
    assert_eq!(browser.call("sum", json!([1, 2])).await["result"], 3);
    let login = guarded.http().await.post("/login", &json!({ "token": token.expose() }).to_string()).await;
    let cookie = login.cookie();
    assert_eq!(guarded.http().await.header("cookie", &cookie).get("/session").await.status, 200);

    guarded.file.revoke(&id).expect("it is there");
    let ended = Closing::Frame(1008, "the token or the session has ended".to_owned());
    assert_eq!(socket.closed().await, ended);
    assert_eq!(browser.closed().await, ended);
    assert_eq!(guarded.http().await.token(token.expose()).post("/rpc", "{}").await.status, 401);
    assert_eq!(guarded.http().await.header("cookie", &cookie).get("/session").await.status, 401);
    assert_eq!(connect(&token).await.err(), Some(401));
    assert_eq!(others.call("sum", json!([1])).await["result"], 1, "other tokens are not concerned");

    // A file that can't be used leaves the tokens as they are; one that is gone has none.
    let good = fs::read(guarded.file.path()).expect("the file");
    fs::write(guarded.file.path(), "nonsense").expect("written");
    let (new, _) = {
        fs::write(guarded.file.path(), good).expect("written");
        guarded.token("new", Scope::admin()).await
    };
    assert_eq!(others.call("sum", json!([1])).await["result"], 1);
    fs::remove_file(guarded.file.path()).expect("removed");
    assert_eq!(others.closed().await, ended);
    assert_eq!(guarded.http().await.token(new.expose()).get("/session").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_token_ends_its_calls_and_a_socket_that_reads_nothing() {
    // Nothing but the revocation ends them.
    let config = GatewayConfig::default()
        .with_write_timeout(NEVER)
        .with_max_connections(3)
        .with_max_queued_bytes(100_000);
    let guarded = Guarded::with(config).await;
    let (token, id) = guarded.token("ann", Scope::admin()).await;
    let bearer = format!("Bearer {}", token.expose());
    let address = guarded.site.address;
    let mut deaf = Socket::connect(address, "/ws", &[("authorization", &bearer)]).await.expect("a WebSocket");
    deaf.fill().await;

    let play = json!({ "jsonrpc": "2.0", "id": 1, "method": "play", "params": ["sleep(60)"] }).to_string();
    let mut calling = guarded.http().await.token(token.expose());
    let call = tokio::spawn(async move { calling.post("/rpc", &play).await.status });
    crate::support::until("the call runs", || async { guarded.site.claimed().await > 0 }).await;
    let _last = guarded.http().await;
    assert!(guarded.http().await.rest().await.starts_with("HTTP/1.1 503"), "all connections are taken");

    guarded.file.revoke(&id).expect("it is there");
    assert_eq!(call.await.expect("no panic"), 401);
    crate::support::until("the call is cancelled", || async { guarded.site.claimed().await == 0 }).await;
    // The connection of the call is open, and so is the last: there is room for three once the deaf one has ended.
    crate::support::until("there is room for others", || async {
        let mut two = [guarded.http().await, guarded.http().await];
        let mut statuses = Vec::new();
        for http in &mut two {
            http.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
            statuses.push(http.rest().await.starts_with("HTTP/1.1 200"));
        }
        statuses == [true, true]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn session_needs_its_proof_and_an_own_origin() {
    const NEIGHBOUR: &str = "http://127.0.0.1:3000";
    let guarded = Guarded::with(GatewayConfig::default().with_allowed_origin(NEIGHBOUR)).await;
    let address = guarded.site.address;
    let (token, _) = guarded.token("ann", Scope::admin()).await;
    let form = format!("token={}", token.expose());
    let typ = "application/x-www-form-urlencoded";
    let login = guarded.http().await.header("content-type", typ).post("/login", &form).await;
    assert_eq!((login.status, login.header("location")), (303, Some("./")));
    let attributes = login.header("set-cookie").expect("a cookie");
    for attribute in ["HttpOnly", "SameSite=Strict", "Max-Age=43200"] {
        assert!(attributes.contains(attribute), "{attributes}");
    }
    assert!(!attributes.contains("Secure"), "without TLS: {attributes}");
    assert!(!attributes.contains("Path"), "below the folder of the login only: {attributes}");

    let cookie = login.cookie();
    let http = async || guarded.http().await.header("cookie", &cookie);
    let session = http().await.get("/session").await.json();
    assert_eq!(session["callerId"], "ann");
    let csrf = session["csrfToken"].as_str().expect("a proof").to_owned();
    let sum = r#"{"jsonrpc":"2.0","method":"sum","params":[1,2],"id":1}"#;
    assert_eq!(http().await.post("/rpc", sum).await.status, 403);
    assert_eq!(http().await.header("x-csrf-token", &csrf[1..]).post("/rpc", sum).await.status, 403);
    assert_eq!(http().await.header("x-csrf-token", &csrf).post("/rpc", sum).await.json()["result"], 3);
    let foreign = http().await.header("origin", "http://evil.example").header("x-csrf-token", &csrf);
    assert_eq!({ foreign }.post("/rpc", sum).await.status, 403);

    let origin = format!("http://{address}");
    assert_eq!(Socket::connect(address, "/ws", &[("cookie", &cookie)]).await.err(), Some(403));
    let foreign = [("cookie", &*cookie), ("origin", "http://evil.example")];
    assert_eq!(Socket::connect(address, "/ws", &foreign).await.err(), Some(403));
    // Another port of the same host is of the same site, so that its pages have the cookie sent along.
    let allowed = [("cookie", &*cookie), ("origin", NEIGHBOUR)];
    assert_eq!(Socket::connect(address, "/ws", &allowed).await.err(), Some(403));
    let bearer = format!("Bearer {}", token.expose());
    let with_token = [("authorization", &*bearer), ("origin", NEIGHBOUR)];
    Socket::connect(address, "/ws", &with_token).await.expect("a page that is allowed, with a token");
    let own = [("cookie", &*cookie), ("origin", &*origin)];
    let mut socket = Socket::connect(address, "/ws", &own).await.expect("a WebSocket");
    assert_eq!(socket.call("sum", json!([1])).await["result"], 1);

    assert_eq!(http().await.post("/logout", "").await.status, 403);
    let logout = http().await.header("x-csrf-token", &csrf).post("/logout", "").await;
    assert_eq!(
        (logout.status, logout.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0"))),
        (204, true)
    );
    assert!(matches!(socket.closed().await, Closing::Frame(1008, _)));
    assert_eq!(http().await.get("/session").await.status, 401);

    let entries = guarded.call(&token, "audit.list", json!([])).await;
    let actions: Vec<_> =
        entries["result"].as_array().expect("entries").iter().map(|entry| &entry["action"]).collect();
    assert_eq!(actions, ["logout", "login"]);
    let file = fs::read_to_string(guarded.folder.path().join("audit.jsonl")).expect("the file");
    assert!(file.contains("\"callerId\":\"ann\"") && !file.contains(token.expose()), "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_of_an_address_are_limited() {
    let config = GatewayConfig::default()
        .with_max_login_attempts(2)
        .with_trusted_proxy("127.0.0.1".parse().expect("an address"));
    let guarded = Guarded::with(config).await;
    let (token, _) = guarded.token("ann", Scope::admin()).await;
    let login = async |address: &str, token: &str| {
        let mut http = guarded.http().await.header("x-forwarded-for", address);
        http.post("/login", &json!({ "token": token }).to_string()).await
    };
    for _ in 0..2 {
        assert_eq!(login("192.0.2.1", "guess").await.status, 401);
    }
    let limited = login("192.0.2.1", token.expose()).await;
    assert_eq!((limited.status, limited.header("retry-after").is_some()), (429, true));
    assert_eq!(limited.json()["error"]["data"]["limit"], "max_login_attempts");
    assert_eq!(login("192.0.2.2", token.expose()).await.status, 200, "another address is not concerned");
    let entries = guarded.call(&token, "audit.list", json!([])).await;
    let first = &entries["result"][2];
    assert_eq!(
        (&first["action"], &first["address"]),
        (&json!("login.failed"), &json!("192.0.2.1")),
        "{entries}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cookie_stays_below_the_path_of_a_trusted_proxy() {
    let proxy = "127.0.0.1".parse().expect("an address");
    let trusting = Guarded::with(GatewayConfig::default().with_trusted_proxy(proxy)).await;
    let (token, _) = trusting.token("ann", Scope::admin()).await;
    let login = async |guarded: &Guarded, token: &Secret, prefix: &str| {
        let http = guarded.http().await.header("x-forwarded-proto", "https");
        let mut http = http.header("x-forwarded-prefix", prefix);
        http.post("/login", &json!({ "token": token.expose() }).to_string()).await
    };
    let answer = login(&trusting, &token, "/ops/rhai").await;
    let below = answer.header("set-cookie").expect("a cookie");
    // Without a path in it, it is that of the login, as the browser sees it.
    assert!(below.starts_with("__Secure-rhaid_session=") && !below.contains("Path"), "{below}");
    assert!(below.ends_with("; Secure"), "{below}");
    let cookie = answer.cookie();
    assert_eq!(trusting.http().await.header("cookie", &cookie).get("/session").await.status, 200);
    let top = login(&trusting, &token, "/").await;
    let top = top.header("set-cookie").expect("a cookie");
    assert!(top.starts_with("__Host-rhaid_session=") && top.contains("; Path=/;"), "{top}");

    let strict = Guarded::new().await;
    let (token, _) = strict.token("ann", Scope::admin()).await;
    let claimed = login(&strict, &token, "/ops/rhai").await;
    let claimed = claimed.header("set-cookie").expect("a cookie");
    assert!(claimed.starts_with("rhaid_session="), "the proxy is not named: {claimed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_come_over_tls_and_their_cookies_are_secure() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificates = Certificates::new();
    certificates.sign("gateway", "DNS:localhost", Validity::Now);
    let (certificate, key) = (certificates.file("gateway.pem"), certificates.file("gateway.key"));
    let file = TokenFile::new(folder.path().join("tokens.json"));
    let (token, _) = file.add("ann", Scope::admin(), None).expect("a token");
    let build =
        |builder: rhai_dispatcher_gateway::GatewayBuilder| builder.tokens(file).tls(&certificate, &key);
    let site = Site::build(GatewayConfig::default(), build).await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificates.ca()).expect("a certificate")).expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions();
    let config = config.expect("TLS").with_root_certificates(roots).with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(site.address).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = connector.connect(name, stream).await.expect("TLS");
    let mut http = Http::over(stream, "localhost");
    let login = http.post("/login", &json!({ "token": token.expose() }).to_string()).await;
    let cookie = login.header("set-cookie").expect("a cookie");
    assert!(cookie.starts_with("__Host-rhaid_session=") && cookie.ends_with("; Secure"), "{cookie}");

    let mut plain = Http::connect(site.address).await;
    plain.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(!plain.rest().await.contains("200"), "what is not TLS is not answered");
}
