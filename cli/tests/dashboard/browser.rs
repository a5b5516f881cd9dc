use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::web::{self, Request};

/// Chromium without a window, driven over WebDriver.
#[derive(Debug)]
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: TempDir,
}

/// How long a page may take to become what is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a browser looks at pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looks {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) scheme: &'static str,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver, of the package chromium-driver");
        let said = BufReader::new(driver.stdout.take().expect("a pipe")).lines();
        let port = said
            .map(|line| line.expect("a line"))
            .find_map(|line| {
                line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok()
            })
            .expect("a port");
        let profile = tempfile::Builder::new().prefix("rhai-chromium-").tempdir().expect("a directory");
        let data = format!("--user-data-dir={}", profile.path().display());
        let args = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &data,
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": args },
            "goog:loggingPrefs": { "browser": "ALL" },
            // A script waits for the layout of its page, which may be large and the machine slow.
            "timeouts": { "script": 60_000, "pageLoad": 60_000 },
        } } });
        let mut browser = Self { driver, port, session: String::new(), _profile: profile };
        let session = browser.send("POST", "/session", &wanted).expect("a session");
        browser.session = session["sessionId"].as_str().expect("its id").to_owned();
        browser
    }

    pub(crate) fn go(&self, url: &str) {
        self.command("POST", "/url", &json!({ "url": url }));
    }

    /// Runs a script that returns a value.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.command("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression is true, which is looked at whenever the page changes. Returns its value.
    pub(crate) fn wait(&self, expression: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             const look = () => {{ try {{ return ({expression}); }} catch {{ return null; }} }};
             const seen = look();
             if (seen) {{ done(seen); return; }}
             const observer = new MutationObserver(() => {{
                 const seen = look();
                 if (seen) {{ observer.disconnect(); done(seen); }}
             }});
             observer.observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }});"
        );
        let begun = Instant::now();
        loop {
            let answer =
                self.send("POST", &self.path("/execute/async"), &json!({ "script": script, "args": [] }));
            match answer {
                Ok(value) => return value,
                // The page that was looked at has gone, and its successor is looked at.
                Err(_) if begun.elapsed() < PATIENCE => {}
                Err(error) => panic!("{expression}: {error}\n{}", self.run("return document.body.innerText")),
            }
        }
    }

    /// Waits until an element is there that has this text.
    pub(crate) fn wait_for_text(&self, selector: &str, text: &str) {
        let (selector, text) = (json!(selector), json!(text));
        self.wait(&format!(
            "[...document.querySelectorAll({selector})].some(e => e.textContent.includes({text}))"
        ));
    }

    /// Waits for an element, and clicks it.
    pub(crate) fn click(&self, selector: &str) {
        self.click_on(&self.element(selector));
    }

    /// Clicks the button or link with this text.
    pub(crate) fn press(&self, text: &str) {
        let text = json!(text);
        let found = format!(
            "[...document.querySelectorAll('button, a')].find(e => e.textContent.trim() === {text} && e.offsetParent)"
        );
        // Not by a mark in the page, which is gone when the page is read again before the click.
        self.click_on(&id_of(&self.wait(&found)));
    }

    /// Types into an element.
    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.command("POST", &format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// Lets pages copy and paste without asking, as a person who has allowed it.
    pub(crate) fn allow_clipboard(&self) {
        let permissions = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        self.chromium("Browser.grantPermissions", &permissions);
    }

    /// What was copied last.
    pub(crate) fn clipboard(&self) -> String {
        let script = "const done = arguments[arguments.length - 1];
                      navigator.clipboard.readText().then(done, error => done(`not read: ${error}`));";
        let text = self.command("POST", "/execute/async", &json!({ "script": script, "args": [] }));
        text.as_str().expect("a text").to_owned()
    }

    /// The text of the page, as it is seen.
    pub(crate) fn text(&self) -> String {
        self.run("return document.body.innerText").as_str().expect("a text").to_owned()
    }

    pub(crate) fn look(&self, looks: Looks) {
        let Looks { width, height, scheme } = looks;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.chromium("Emulation.setDeviceMetricsOverride", &size);
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.chromium("Emulation.setEmulatedMedia", &media);
    }

    /// A picture of the whole page.
    pub(crate) fn picture(&self, path: &Path) {
        let all = json!({ "captureBeyondViewport": true, "format": "png" });
        let picture = self.chromium("Page.captureScreenshot", &all);
        let bytes = web::base64(picture["data"].as_str().expect("a picture"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a written file");
    }

    /// What went wrong in scripts, and what the policy of the pages has refused.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let entries = self.command("POST", "/se/log", &json!({ "type": "browser" }));
        let entries = entries.as_array().expect("a list").iter();
        // The browser also complains of answers with an error, which tests ask for.
        let own = entries.filter(|entry| entry["source"] != "network" && entry["level"] == "SEVERE");
        own.map(|entry| entry["message"].to_string()).collect()
    }

    fn chromium(&self, name: &str, params: &Value) -> Value {
        self.command("POST", "/goog/cdp/execute", &json!({ "cmd": name, "params": params }))
    }

    fn element(&self, selector: &str) -> String {
        id_of(&self.wait(&format!("document.querySelector({})", json!(selector))))
    }

    fn click_on(&self, element: &str) {
        self.command("POST", &format!("/element/{element}/click"), &json!({}));
    }

    fn path(&self, path: &str) -> String {
        format!("/session/{}{path}", self.session)
    }

    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        self.send(method, &self.path(path), body).unwrap_or_else(|error| panic!("{path} {body}: {error}"))
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request { method, path, headers: &[("content-type", "application/json")], body: &body };
        let response = web::send(([127, 0, 0, 1], self.port).into(), &request);
        let mut answer: Value = serde_json::from_str(&response.body).expect("JSON");
        match response.status {
            200 => Ok(answer["value"].take()),
            _ => Err(answer["value"]["message"].to_string()),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let _ = self.send("DELETE", &self.path(""), &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The id of an element that a script has returned.
fn id_of(element: &Value) -> String {
    let (_, id) = element.as_object().and_then(|found| found.iter().next()).expect("an element");
    id.as_str().expect("its id").to_owned()
}
