use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::executor::block_on;
use rhai_dispatcher::{RhaiDispatcher, RhaiTaskDetails, TaskId};
use rhai_dispatcher_test_redis::RedisServer;
use serde_json::Value;
use tempfile::TempDir;

use crate::browser::Browser;
use crate::web::{self, Request, Response};

/// `rhaid serve` on a Redis server of its own, with a folder of methods and a token for everything.
pub(crate) struct Site {
    serve: Ended,
    pub(crate) address: SocketAddr,
    /// The token of an administrator named ann.
    pub(crate) token: String,
    /// The token of bob, who may read only.
    pub(crate) reading_token: String,
    pub(crate) redis: RedisServer,
    pub(crate) dispatcher: RhaiDispatcher,
    folder: TempDir,
}

const SHOP: &str = "//! What the shop sells.

/// The price of an article, in cents.
fn price(article) {
    if article == \"void\" { throw `no article ${article}`; }
    article.len() * 100
}

/// Waits for some seconds, and tells how far it has come.
fn restock(seconds) {
    for step in 1..=10 {
        progress(step / 10.0, `shelf ${step} of 10`);
        print(`shelf ${step} is full`);
        sleep(seconds / 10.0);
    }
    \"done\"
}
";

impl Site {
    pub(crate) fn start() -> Self {
        let redis = RedisServer::start();
        let folder = tempfile::Builder::new().prefix("rhai-site-").tempdir().expect("a directory");
        fs::create_dir(folder.path().join("api")).expect("a directory");
        fs::write(folder.path().join("api/shop.rhai"), SHOP).expect("a file");
        let token = new_token(folder.path(), &["ann", "--role", "admin"]);
        let reading_token = new_token(folder.path(), &["bob", "--role", "read"]);
        let serve = rhaid(folder.path())
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--handlers", "api", "--threads", "2"])
            .args(["--tokens", "tokens.json", "--url", &redis.url()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("rhaid runs");
        let mut serve = Ended(serve);
        let line = BufReader::new(serve.0.stdout.take().expect("a pipe"))
            .lines()
            .next()
            .expect("a line")
            .expect("text");
        let line: Value = serde_json::from_str(&line).expect("JSON");
        let address =
            line["url"].as_str().expect("a URL").trim_start_matches("http://").trim_end_matches('/');
        let address = address.parse().expect("an address");
        let dispatcher = block_on(RhaiDispatcher::connect(redis.url())).expect("a dispatcher");
        let site = Self { serve, address, token, reading_token, redis, dispatcher, folder };
        // The worker has announced its methods.
        let price = site.dispatcher.call("shop.price").worker_id("main").arg("article", "tea");
        block_on(price.timeout(Duration::from_secs(60)).into_future()).expect("an answer");
        site
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A browser that is logged in with the token.
    pub(crate) fn browser(&self) -> Browser {
        let browser = Browser::start();
        browser.go(&self.url("/"));
        browser.type_into("input[name=token]", &self.token);
        browser.press("Log in");
        browser.wait_for_text("nav a[aria-current]", "Overview");
        browser
    }

    /// `rhaid token revoke`, of all tokens with a name.
    pub(crate) fn revoke(&self, name: &str) {
        let listed =
            rhaid(self.folder.path()).args(["token", "list", "--json", "--tokens", "tokens.json"]).output();
        let listed = String::from_utf8(listed.expect("rhaid runs").stdout).expect("UTF-8");
        for token in listed.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")) {
            if token["name"] == name {
                let id = token["id"].as_str().expect("an id");
                let revoked = rhaid(self.folder.path())
                    .args(["token", "revoke", id, "--tokens", "tokens.json"])
                    .status();
                assert!(revoked.expect("rhaid runs").success());
            }
        }
    }

    /// What a program gets that sends the token.
    pub(crate) fn get(&self, path: &str) -> Response {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", &*bearer), ("accept", "text/html")];
        web::send(self.address, &Request { method: "GET", path, headers: &headers, body: "" })
    }

    /// Ends the gateway at once.
    pub(crate) fn stop(&mut self) {
        self.serve.0.kill().expect("it runs");
        self.serve.0.wait().expect("its end");
    }

    /// Submits a script to the worker of the site.
    pub(crate) fn submit(&self, script: &str) -> TaskId {
        block_on(self.dispatcher.new_play_request().worker_id("main").script(script).submit()).expect("an id")
    }

    /// Runs a script to its end.
    pub(crate) fn run(&self, script: &str) -> RhaiTaskDetails {
        let id = self.submit(script);
        block_on(self.dispatcher.wait(id, Duration::from_secs(60))).expect("its end")
    }
}

/// A process that ends with this value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn rhaid(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhaid"));
    command.current_dir(folder).stdin(Stdio::null());
    for variable in ["RHAID_URL", "RHAID_TOKENS", "RUST_LOG", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    command
}

fn new_token(folder: &Path, args: &[&str]) -> String {
    let made =
        rhaid(folder).args(["token", "new"]).args(args).args(["--json", "--tokens", "tokens.json"]).output();
    let made: Value = serde_json::from_slice(&made.expect("rhaid runs").stdout).expect("JSON");
    made["token"].as_str().expect("a token").to_owned()
}
