use std::process::Stdio;

use rhai_dispatcher_test_http::{Answer, TestServer};

use crate::command::{Ended, Scripts, ended, rhaid};

const KEY: &str = "sk_test_51xyzzy";

fn run(script: &str, args: &[&str]) -> Ended {
    let scripts = Scripts::new([("a.rhai", script)]);
    let mut command = scripts.command(&[&["a.rhai"], args].concat());
    // `rhaid` ignores proxies that the environment names.
    let proxy = "http://127.0.0.1:9/";
    command.env("HTTP_PROXY", proxy).env("http_proxy", proxy).env("ALL_PROXY", proxy);
    command.env("API_KEY", KEY).env("EMPTY", "").env_remove("NO_SUCH_KEY").stdin(Stdio::null());
    ended(command.output().expect("rhaid runs"))
}

#[test]
fn scripts_call_allowed_hosts_only_and_without_a_proxy() {
    let server = TestServer::start(|_| Answer::text("hello"));
    let script = format!("http_get(\"{}\").body", server.url("/"));
    let closed = run(&script, &[]);
    assert_eq!(closed.code, Some(1));
    assert!(
        closed.err.contains("refused: ") && closed.err.contains("--allow-host 127.0.0.1"),
        "{}",
        closed.err
    );
    assert!(server.asked().is_empty());
    let open = run(&script, &["--allow-host", "127.0.0.1"]);
    assert_eq!((&*open.out, open.code), ("hello\n", Some(0)), "{}", open.err);
}

#[test]
fn scripts_have_the_standard_library() {
    let script = "[hex_encode(\"abc\"), hmac_sha256(API_KEY, \"\").len(), format_time(0), uuid().len()]";
    let ended = run(script, &["--secret", "API_KEY"]);
    assert_eq!(ended.out, "[\"616263\",64,\"1970-01-01T00:00:00Z\",36]\n", "{}", ended.err);
}

#[test]
fn missing_properties_are_errors_with_strict_properties() {
    let script = "let order = #{ total: 5 }; order.totl";
    assert_eq!(run(script, &[]).out, "null\n");
    let strict = run(script, &["--strict-properties"]);
    assert!(
        strict.code == Some(1) && strict.err.contains("Property not found: totl; did you mean `total`?"),
        "{}",
        strict.err
    );
}

#[test]
fn a_secret_is_a_constant_that_reads_as_the_word() {
    let server = TestServer::start(|asked| Answer::text(asked.body.clone()));
    let script = format!(
        r#"print(API_KEY); debug(API_KEY);
           let post = http_post("{}", "k=" + API_KEY).body;
           try {{ throw API_KEY }} catch (e) {{ print(e) }}
           [API_KEY, `${{API_KEY}}`, #{{k: API_KEY}}.to_json(), post, API_KEY == "{KEY}"]"#,
        server.url("/")
    );
    for args in [
        &["--secret", "API_KEY", "--allow-host", "127.0.0.1"][..],
        &["--secret", "API_KEY", "--allow-host", "127.0.0.1", "--json"],
    ] {
        let ended = run(&script, args);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(ended.out.matches("[secret]").count() >= 4, "{}", ended.out);
        // The record has the script's own text.
        assert!(!ended.out.replace(&format!("{KEY}\\\""), "").contains("xyzzy"), "{}", ended.out);
        assert!(!ended.err.contains("xyzzy"), "{}", ended.err);
    }
    let thrown = run("throw API_KEY", &["--secret", "API_KEY"]);
    assert!(
        thrown.code == Some(1) && thrown.err.contains("[secret]") && !thrown.err.contains("xyzzy"),
        "{}",
        thrown.err
    );
    // A variable that no option names is not visible to scripts.
    let unknown = run("API_KEY", &[]);
    assert!(unknown.code == Some(1) && unknown.err.contains("API_KEY"), "{}", unknown.err);
}

#[test]
fn scripts_import_from_the_folder_that_is_named_only() {
    let script = "import \"m\" as m; m::hello(worker_id)";
    let scripts = Scripts::new([("a.rhai", script), ("m.rhai", "fn hello(name) { `Hello, ${name}` }")]);
    let run =
        |args: &[&str]| ended(scripts.command(&[&["a.rhai"], args].concat()).output().expect("rhaid runs"));
    let closed = run(&[]);
    assert_eq!(closed.code, Some(1));
    assert!(closed.err.contains("--import DIR"), "{}", closed.err);
    let open = run(&["--import", "."]);
    assert_eq!((&*open.out, open.code), ("Hello, local\n", Some(0)), "{}", open.err);
}

#[test]
fn missing_variable_and_invalid_value_are_refused_before_the_run() {
    for (args, says) in [
        (["--secret", "NO_SUCH_KEY"], "'--secret <NAME>': the environment variable NO_SUCH_KEY is not set"),
        (["--secret", "EMPTY"], "'--secret <NAME>': the environment variable EMPTY is empty"),
        (
            ["--stripe-key", "NO_SUCH_KEY"],
            "'--stripe-key <NAME>': the environment variable NO_SUCH_KEY is not set",
        ),
        (["--secret", "A=b"], "give the name of an environment variable"),
        (["--allow-host", "http://localhost/"], "is not a host; give a name or an address"),
        (["--stripe-url", "nonsense"], "'--stripe-url <URL>'"),
        (["--import", "no-such-folder"], "'--import <DIR>': no-such-folder: "),
        (["--import", "a.rhai"], "'--import <DIR>': a.rhai is not a folder"),
    ] {
        let ended = run("1", &args);
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.err);
        assert!(ended.err.contains(says), "{args:?}: {}", ended.err);
    }
}

#[test]
fn a_worker_takes_the_same_options() {
    let worker = |args: &[&str]| {
        let mut command = rhaid();
        command.args(["worker", "--id", "w", "--url", "redis://127.0.0.1:1/"]).args(args);
        ended(command.env_remove("NO_SUCH_KEY").stdin(Stdio::null()).output().expect("rhaid runs"))
    };
    let missing = worker(&["--allow-host", "localhost", "--secret", "NO_SUCH_KEY"]);
    assert_eq!(missing.code, Some(2), "{}", missing.err);
    assert!(missing.err.contains("the environment variable NO_SUCH_KEY is not set"), "{}", missing.err);
}
