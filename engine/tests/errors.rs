//! Results and errors of calls: what a function can return, what `catch` gets of it, and what the task's error has.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use futures::executor::block_on;
use rhai_dispatcher_core::{Json, Outcome, Ran, TaskErrorKind};
use rhai_dispatcher_engine::{EngineConfig, Secret, Serialized, Thrown};
use serde::Serialize;
use support::Bench;

#[derive(Debug, Clone, Serialize)]
struct User {
    name: String,
    tags: Vec<&'static str>,
}

fn user() -> User {
    User { name: "Ada".to_owned(), tags: vec!["a"] }
}

/// An error that is data, and neither prints nor is an `Error`.
#[derive(Debug, Clone, Serialize)]
struct Declined {
    kind: &'static str,
    message: &'static str,
    code: u32,
}

const DECLINED: Declined = Declined { kind: "declined", message: "no money", code: 402 };

#[test]
fn what_serde_can_write_is_a_result() {
    let config = EngineConfig::new()
        .with_async_fn("hash_map", || async { HashMap::from([("tea", 3)]) })
        .with_async_fn("map_of_structs", || async { BTreeMap::from([("ada", user())]) })
        .with_async_fn("rhai_map", || async {
            rhai::Dynamic::from_map(rhai::Map::from([("f".into(), rhai::Dynamic::from('x'))]))
        })
        .with_async_fn("sets", || async { (HashSet::from([1]), BTreeSet::from(["b", "a"])) })
        .with_async_fn("deque", || async { VecDeque::from([1, 2]) })
        .with_async_fn("tuple", || async { (1, "two", 3.5, Some('4')) })
        .with_async_fn("array", || async { [user(), user()].map(|user| user.name) })
        .with_async_fn("texts", || async { [Cow::Borrowed("a"), Cow::Owned("b".to_owned())] })
        .with_async_fn("arc_text", || async { Arc::<str>::from("text") })
        .with_async_fn("in_ok", || async { Ok::<_, std::io::Error>(user()) })
        .with_async_fn("serialized", || async { Serialized(user()) })
        .with_async_fn("serialized_in_ok", || async { Ok::<_, Thrown<Declined>>(Serialized(user())) })
        .with_blocking_fn("blocking", || Serialized(user()))
        .with_blocking_fn("blocking_in_ok", || Ok::<_, Thrown<Declined>>(user()));
    let bench = Bench::with(config);
    let user = r#"{"name":"Ada","tags":["a"]}"#;
    for (call, value) in [
        ("hash_map()", r#"{"tea":3}"#),
        ("map_of_structs().ada", user),
        ("rhai_map()", r#"{"f":"x"}"#),
        ("sets()", r#"[[1],["a","b"]]"#),
        ("deque()", "[1,2]"),
        ("tuple()", r#"[1,"two",3.5,"4"]"#),
        ("array()", r#"["Ada","Ada"]"#),
        ("texts()", r#"["a","b"]"#),
        ("arc_text()", r#""text""#),
        ("in_ok()", user),
        ("serialized()", user),
        ("serialized_in_ok()", user),
        ("blocking()", user),
        ("blocking_in_ok()", user),
    ] {
        let ran = block_on(bench.start(call).future);
        let Ran::Finished(Outcome::Completed(output), _) = ran else { panic!("{call}: {ran:?}") };
        assert_eq!(output.as_json().as_str(), value, "{call}");
    }
}

/// Functions that fail, each in its own way.
fn failing() -> EngineConfig {
    EngineConfig::new()
        .with_async_fn("text", || async { Err::<(), _>("no luck") })
        .with_async_fn("data", || async { Err::<(), _>(Thrown(DECLINED)) })
        .with_async_fn("number", || async { Err::<(), _>(Thrown(7)) })
        .with_async_fn("dynamic", || async {
            Err::<(), _>(rhai::Dynamic::from(vec![rhai::Dynamic::from(1_i64)]))
        })
        .with_blocking_fn("blocking", || Err::<(), _>(Thrown(DECLINED)))
        .with_blocking_fn("blocking_text", || Err::<(), _>("no luck".to_owned()))
        .with_blocking_fn("blocking_panic", || -> i64 { panic!("oh") })
}

/// The outcome of a script whose functions may run on other threads.
fn outcome(bench: &Bench, source: &str) -> Outcome {
    match block_on(bench.start(source).future) {
        Ran::Finished(outcome, _) => outcome,
        ran => panic!("{source}: {ran:?}"),
    }
}

fn value(bench: &Bench, source: &str) -> String {
    match outcome(bench, source) {
        Outcome::Completed(output) => output.as_json().to_string(),
        outcome => panic!("{source}: {outcome:?}"),
    }
}

#[test]
fn a_caught_error_has_one_shape() {
    let bench = Bench::with(failing());
    let declined = r#"{"code":402,"kind":"declined","message":"no money"}"#;
    let shape = |kind: &str, message: &str, value: &str| {
        format!(r#"{{"kind":"{kind}","line":2,"message":"{message}","value":{value}}}"#)
    };
    for (function, caught) in [
        ("text", shape("runtime", "no luck", "null")),
        ("data", shape("declined", "no money", declined)),
        ("number", shape("runtime", "7", "7")),
        ("dynamic", shape("runtime", "[1]", "[1]")),
        ("blocking", shape("declined", "no money", declined)),
        ("blocking_text", shape("runtime", "no luck", "null")),
        ("blocking_panic", shape("panic", "it panicked: oh", "null")),
    ] {
        for call in [
            format!("{function}()"),
            format!("await_result({function}_async())"),
            format!("await_all([{function}_async()])"),
            format!("let id = {function}_async(); await_any([id]); get_result(id)"),
            format!("throw await_all_settled([{function}_async()])[0].error"),
            format!("try {{ {function}(); }} catch (e) {{ throw e; }}"),
        ] {
            let source = format!("let c = ();\ntry {{ {call} }} catch (e) {{ c = e }}\nc");
            assert_eq!(value(&bench, &source), caught, "{call}");
        }
    }
    // Errors of the functions for requests, too.
    for (call, kind) in [
        ("await_result(\"x\")", "not_found"),
        ("await_all([1])", "invalid"),
        ("await_any([])", "invalid"),
        ("get_result(text_async())", "runtime"),
        ("let id = text_async(); cancel_request(id); is_complete(id); await_all([id, id])", "invalid"),
        ("set_request_priority(\"urgent\")", "invalid"),
    ] {
        let source = format!(
            "try {{ {call} }} catch (e) {{ return [e.kind, e.value, e.line, e.message.len() > 5]; }}"
        );
        assert_eq!(value(&bench, &source), format!(r#"["{kind}",null,1,true]"#), "{call}");
    }
}

#[test]
fn a_caught_error_reads_its_message() {
    let bench = Bench::with(failing());
    for (call, text) in [("text()", "no luck"), ("data()", "declined: no money")] {
        let source = format!("try {{ {call} }} catch (e) {{ return [`${{e}}`, \"\" + e, e.to_string()] }}");
        assert_eq!(value(&bench, &source), format!(r#"["{text}","{text}","{text}"]"#));
        let source = format!("try {{ {call} }} catch (e) {{ print(e); debug(e); return e.to_debug() }}");
        let (outcome, log) = bench.run(&source);
        assert!(
            matches!(outcome, Outcome::Completed(debug) if debug.to_string().starts_with("#{\"kind\": "))
        );
        assert_eq!(log.lines()[0].text, text);
        assert!(log.lines()[1].text.starts_with("#{\"kind\": "), "{log:?}");
        // As when it is not caught.
        assert_eq!(bench.error(call).message, text);
    }
    // A map of a script's own is not such an error.
    assert_eq!(
        value(&bench, "#{kind: \"a\", message: \"b\"}.to_string()"),
        r##""#{\"kind\": \"a\", \"message\": \"b\"}""##
    );
}

#[test]
fn what_a_script_throws_itself_is_caught_as_it_is() {
    let bench = Bench::new();
    for thrown in ["5", "\"text\"", "#{code: 7}", "[1]", "()"] {
        let source = format!("try {{ throw {thrown} }} catch (e) {{ return e == {thrown} }}");
        assert_eq!(bench.value(&source), "true", "{thrown}");
    }
    assert_eq!(bench.value("try { 1 / 0 } catch (e) { return e.line }"), "1");
}

#[test]
fn the_error_of_a_task_has_what_was_thrown() {
    let config = failing().with_max_output_bytes(1000).with_secret("KEY", Secret::new("sk_1"));
    let bench = Bench::with(config);
    let declined = Some(r#"{"code":402,"kind":"declined","message":"no money"}"#);
    for (source, value) in [
        ("throw #{ code: 7 }", Some(r#"{"code":7}"#)),
        ("fn f() { throw [1, 'x', ()] } f()", Some(r#"[1,"x",null]"#)),
        ("throw \"text\"", Some(r#""text""#)),
        ("throw 0.5", Some("0.5")),
        ("throw", None),
        ("throw ()", None),
        ("try { throw #{ code: 8 } } catch (e) { throw e }", Some(r#"{"code":8}"#)),
        ("throw #{ kind: \"mine\", message: \"no\" }", Some(r#"{"kind":"mine","message":"no"}"#)),
        ("throw #{ key: KEY, text: `${KEY}` }", Some(r#"{"key":"[secret]","text":"[secret]"}"#)),
        // Without a JSON form, or too large.
        ("throw #{ f: || 1 }", None),
        ("throw 0.0/0.0", None),
        ("let a = 0; a = || a; throw [a, a]", None),
        ("let s = \"\"; s.pad(1001, 'x'); throw s", None),
        ("let a = [1]; for i in 0..130 { a = [a] } throw a", None),
        // Of calls.
        ("text()", None),
        ("data()", declined),
        ("await_result(blocking_async())", declined),
        ("try { data() } catch (e) { throw e }", declined),
        ("number()", Some("7")),
        // Not thrown.
        ("1 / 0", None),
        ("loop {", None),
    ] {
        let Outcome::Error(error) = outcome(&bench, source) else { panic!("{source}") };
        assert_eq!(error.value.as_ref().map(Json::as_str), value, "{source}: {error}");
    }
    let error = bench.error("let i = 0;\nthrow #{ code: 7 }");
    assert_eq!((error.kind, error.line), (TaskErrorKind::Runtime, Some(2)));
    assert_eq!(error.message, r##"#{"code": 7}"##);
    let json = serde_json::to_string(&error).unwrap();
    assert!(json.ends_with(r#""value":{"code":7}}"#), "{json}");
    assert_eq!(serde_json::from_str::<rhai_dispatcher_core::TaskError>(&json).unwrap(), error);
}

#[test]
fn a_thrown_value_that_is_too_large_for_the_catcher_is_left_out() {
    let config = EngineConfig::new()
        .with_max_array_size(100)
        .with_async_fn("large", || async { Err::<(), _>(Thrown(vec![0; 1000])) });
    let source = "try { large() } catch (e) { return [e.kind, e.value] }";
    assert_eq!(Bench::with(config).value(source), r#"["runtime",null]"#);
}
