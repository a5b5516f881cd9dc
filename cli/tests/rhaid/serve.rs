use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::command::{Ended, Scripts, ended, rhaid, signal};
use crate::site::Site;

const DEMO: &str = "fn add(a, b) { a + b }";

/// A running `rhaid serve`, killed when it is dropped.
pub(crate) struct Serving {
    child: Option<Child>,
    /// The address and the port.
    pub(crate) address: String,
    scripts: Scripts,
}

impl Serving {
    pub(crate) fn start(args: &[&str]) -> Self {
        // The tokens of the user who runs the tests are not those of the tests.
        Self::begin(args, None)
    }

    /// With the tokens of a folder of configurations.
    fn with_config(config: &Path) -> Self {
        Self::begin(&[], Some(config))
    }

    fn begin(args: &[&str], config: Option<&Path>) -> Self {
        let scripts = Scripts::new([("demo.rhai", DEMO)]);
        let folder = scripts.path().to_str().expect("UTF-8").to_owned();
        let mut command = rhaid();
        let config = config.map_or_else(|| scripts.path().join("config"), Path::to_owned);
        command.env("XDG_CONFIG_HOME", config).args(["serve", "--json"]);
        command.args(["--listen", "127.0.0.1:0", "--threads", "1", "--handlers", &folder]).args(args);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("rhaid runs");
        let mut line = String::new();
        let out = child.stdout.as_mut().expect("a pipe");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let serving: Value = serde_json::from_str(&line).expect("one line of JSON");
        let url = serving["url"].as_str().expect("a URL");
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { child: Some(child), address, scripts }
    }

    /// Runs the code of the document in a language against this gateway.
    fn client(&self, program: &[&str], language: &str) -> Ended {
        let document = include_str!("../../../docs/gateway.md");
        let clients = document.split("## Clients").nth(1).expect("the clients");
        let code = clients.split(&format!("```{language}\n")).nth(1).unwrap_or_else(|| panic!("{language}"));
        let code = code.split("```").next().expect("its end").replace("127.0.0.1:8080", &self.address);
        let file = self.scripts.path().join("client");
        fs::write(&file, code).expect("written");
        let output = Command::new(program[0]).args(&program[1..]).arg(&file).output();
        ended(output.unwrap_or_else(|error| panic!("{}: {error}; the test needs it", program[0])))
    }

    pub(crate) fn rpc(&self, token: Option<&str>, request: &str) -> String {
        let mut command = Command::new("curl");
        command.args(["-s", "-m", "60", "-H", "content-type: application/json", "-d", request]);
        if let Some(token) = token {
            command.args(["-H", &format!("authorization: Bearer {token}")]);
        }
        ended(command.arg(format!("http://{}/rpc", self.address)).output().expect("curl runs")).out
    }

    /// The id of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// The memory of its process, in KiB.
    pub(crate) fn memory(&self) -> usize {
        let pid = self.child.as_ref().expect("it runs").id();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    pub(crate) fn end(mut self) -> Ended {
        let child = self.child.take().expect("it runs");
        signal(&child, "TERM");
        ended(child.wait_with_output().expect("it ends"))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn the_clients_of_the_document_work_as_they_stand() {
    let serving = Serving::start(&[]);
    let shell = serving.client(&["sh"], "sh");
    assert_eq!(shell.out, r#"{"jsonrpc":"2.0","result":42,"id":1}"#, "{}", shell.err);
    let python = serving.client(&["python3"], "python");
    assert_eq!(python.out, "42\nAnn!\n", "{}", python.err);
    // Node has the WebSocket of browsers; version 20 behind an option, which later versions take too.
    let node = serving.client(&["node", "--experimental-websocket"], "javascript");
    assert_eq!(node.out, "sum 42\nprinted hello\nended 7\n", "{}", node.err);
    assert_eq!(serving.end().code, Some(0));
}

#[test]
fn methods_of_workers_on_a_server_are_called() {
    let site = Site::new();
    let scripts = Scripts::new([("billing.rhai", "fn charge(cents) { cents + 1 }")]);
    let folder = scripts.path().to_str().expect("UTF-8");
    let _worker = site.worker(&["--handlers", folder]);
    let serving = Serving::start(&["--url", site.url(), "--id", "beside"]);
    let call = |method: &str| {
        serving.rpc(None, &format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[1,2]}}"#))
    };
    assert_eq!(call("demo.add"), r#"{"jsonrpc":"2.0","result":3,"id":1}"#);
    let charged = serving.rpc(None, r#"{"jsonrpc":"2.0","id":1,"method":"billing.charge","params":[1]}"#);
    assert_eq!(charged, r#"{"jsonrpc":"2.0","result":2,"id":1}"#);
    assert_eq!(serving.end().code, Some(0));
}

#[test]
fn tokens_are_made_listed_used_and_revoked() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tokens.json");
    let file = file.to_str().expect("UTF-8");
    let token = |args: &[&str]| {
        let mut command = rhaid();
        ended(command.arg("token").args(args).args(["--tokens", file]).output().expect("rhaid runs"))
    };
    let made = token(&["new", "ann", "--role", "call", "--method", "demo.*", "--json"]);
    let made: Value = serde_json::from_str(&made.out).expect("one line of JSON");
    let (secret, id) = (made["token"].as_str().expect("a token"), made["id"].as_str().expect("an id"));
    let plain = token(&["new", "bob", "--role", "admin"]);
    assert!(plain.out.starts_with("rhaid_") && plain.out.len() == 50, "{}", plain.out);
    let listed = token(&["list"]).out;
    assert!(listed.contains(&format!("{id}  ann  role=call methods=demo.* workers=*\n")), "{listed}");
    assert!(!listed.contains("rhaid_"), "{listed}");

    let serving = Serving::start(&["--tokens", file]);
    let add = r#"{"jsonrpc":"2.0","id":1,"method":"demo.add","params":[1,2]}"#;
    assert_eq!(serving.rpc(Some(secret), add), r#"{"jsonrpc":"2.0","result":3,"id":1}"#);
    assert!(serving.rpc(None, add).contains("-32001"));
    assert!(
        serving
            .rpc(Some(secret), r#"{"jsonrpc":"2.0","id":1,"method":"play","params":["1"]}"#)
            .contains("-32003")
    );
    assert_eq!(token(&["revoke", id]).code, Some(0));
    Site::until_so("the token is revoked", || serving.rpc(Some(secret), add).contains("-32001"));

    assert_eq!(token(&["revoke", id]).code, Some(1));
    for (args, says) in [
        (&["new", "a\n"][..], "<NAME>"),
        (&["new", "a", "--method", "a b"], "pattern of names"),
        (&["new", "a", "--role", "root"], "invalid value 'root'"),
        (&["new", "a", "--role", "read", "--scripts"], "--role call"),
    ] {
        let refused = token(args);
        assert!(refused.code == Some(2) && refused.err.contains(says), "{args:?}: {}", refused.err);
    }
}

#[test]
fn wrong_settings_of_serve_are_named() {
    let scripts = Scripts::new([]);
    let serve = |args: &[&str]| {
        let mut command = rhaid();
        command.env("XDG_CONFIG_HOME", scripts.path()).arg("serve").args(args);
        ended(command.output().expect("rhaid runs"))
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("its address").to_string();
    for (args, code, says) in [
        (&["--gateway-limit", "max_batch"][..], 2, "has no `=`"),
        (&["--listen", &taken], 2, &taken),
        (&["--gateway-limit", "max_bach=1"], 2, "max_batch"),
        (&["--gateway-limit", "max_batch=0"], 2, "is zero"),
        (&["--tokens", "/no/such/file"], 2, "rhaid token new"),
        (&["--listen", "nowhere"], 2, "such as 127.0.0.1:8080"),
        (&["--listen", "8080"], 2, "such as 127.0.0.1:8080"),
        (&["--trust-proxy", "proxy"], 2, "such as 10.0.0.1"),
        (&["--allow-origin", "https://shop.example/"], 2, "--allow-origin <ORIGIN>"),
        (&["--allow-name", "https://rhai.example"], 2, "--allow-name <NAME>"),
        (&["--no-worker"], 2, "without --url"),
        (&["--tls-cert", "/no/such/file"], 2, "--tls-key"),
        (&["--tls-cert", "/no/such/file", "--tls-key", "/no/such/file"], 1, "/no/such/file"),
        (&["--listen", "0.0.0.0:0"], 1, "has no tokens"),
        (&["--handlers", "/no/such/folder"], 2, "--handlers"),
    ] {
        let refused = serve(args);
        assert!(
            refused.code == Some(code) && refused.err.contains(says),
            "{args:?}: {} {:?}",
            refused.err,
            refused.code
        );
        assert!(!refused.err.contains("serving http"), "{args:?}: {}", refused.err);
    }
}

#[test]
fn gateway_whose_server_is_away_does_not_say_that_it_serves() {
    let scripts = Scripts::new([]);
    let away = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let mut command = rhaid();
    command.env("XDG_CONFIG_HOME", scripts.path()).args(["serve", "--listen", "127.0.0.1:0"]);
    let refused = ended(command.args(["--url", &format!("redis://{away}")]).output().expect("rhaid runs"));
    assert_eq!(refused.code, Some(3), "{}", refused.err);
    assert!(!refused.err.contains("serving http"), "{}", refused.err);
}

#[test]
fn first_token_closes_a_gateway_that_serves() {
    let serving = Serving::start(&[]);
    let add = r#"{"jsonrpc":"2.0","id":1,"method":"demo.add","params":[1,2]}"#;
    assert!(serving.rpc(None, add).contains("result"));
    let mut command = rhaid();
    command.env("XDG_CONFIG_HOME", serving.scripts.path().join("config"));
    let made =
        ended(command.args(["token", "new", "ann", "--method", "demo.*"]).output().expect("rhaid runs"));
    Site::until_so("the gateway needs a token", || serving.rpc(None, add).contains("-32001"));
    assert!(serving.rpc(Some(made.out.trim()), add).contains("result"));
}

/// Without tokens every program of the machine may do everything: if they can't be seen, that does not mean that there are none.
#[test]
fn tokens_that_can_not_be_looked_for_do_not_open_the_gateway() {
    use std::os::unix::fs::symlink;
    let config = tempfile::tempdir().expect("a folder");
    let serve = || {
        let mut command = rhaid();
        command.env("XDG_CONFIG_HOME", config.path()).args(["serve", "--listen", "127.0.0.1:0"]);
        command
    };
    let folder = config.path().join("rhaid");
    symlink(&folder, &folder).expect("a link to itself");
    let refused = ended(serve().output().expect("it runs"));
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert!(refused.err.contains("can't be seen") && refused.err.contains("--tokens"), "{}", refused.err);

    // The file of a disk that is not there yet: its tokens are valid once it is, and until then none is.
    fs::remove_file(&folder).expect("removed");
    fs::create_dir(&folder).expect("a folder");
    symlink(folder.join("elsewhere"), folder.join("tokens.json")).expect("a link");
    let serving = Serving::with_config(config.path());
    let answer = serving.rpc(None, r#"{"jsonrpc":"2.0","id":1,"method":"demo.add","params":[1,2]}"#);
    assert!(answer.contains("-32001"), "{answer}");
}
