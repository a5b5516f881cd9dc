//! What a script sees, and what becomes of its result.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use rhai_dispatcher_core::{LogLevel, Outcome, TaskErrorKind};
use rhai_dispatcher_engine::EngineConfig;
use support::Bench;

#[test]
fn results_are_json() {
    let bench = Bench::new();
    assert_eq!(bench.value("40 + 2"), "42");
    assert_eq!(bench.value(""), "null");
    assert_eq!(bench.value("let x = 1;"), "null");
    assert_eq!(bench.value("\"a\\\"b\""), r#""a\"b""#);
    assert_eq!(bench.value("'c'"), r#""c""#);
    assert_eq!(bench.value("1.5"), "1.5");
    assert_eq!(bench.value("#{b: [1, true, ()], a: \"x\"}"), r#"{"a":"x","b":[1,true,null]}"#);
    assert_eq!(bench.value("let x = 1; let f = || x; x"), "1", "a captured variable is shared");
    assert_eq!(bench.value("exit(7); 8"), "7");
}

#[test]
fn constants_are_seen_everywhere() {
    let bench = Bench::new();
    assert_eq!(bench.value("`Hello, ${worker_id}!`"), r#""Hello, worker-1!""#);
    assert_eq!(bench.value("fn f() { caller_id + CALLER_ID } f()"), r#""caller-1caller-1""#);
    assert_eq!(bench.value("[1].map(|x| `${x}${context_id}`)"), r#"["1context-1"]"#);
    assert_eq!(bench.value("let f = || worker_id; f.call()"), r#""worker-1""#);
    assert_eq!(bench.value("args.name + args.n[2].deep"), r#""Adatrue""#);
    assert_eq!(bench.value("delivery"), "1");
    assert_eq!(bench.value("task_id.len"), "36");
    assert_eq!(bench.value("fn f() { ARGS.n.len } f()"), "3");
}

#[test]
fn the_scripts_own_variable_hides_a_constant() {
    let bench = Bench::new();
    assert_eq!(bench.value("let worker_id = 5; worker_id += 1; worker_id"), "6");
    assert_eq!(bench.value("fn f(args) { args } f(3)"), "3");
    assert_eq!(bench.value("let worker_id = 5; fn f() { worker_id } f()"), r#""worker-1""#);
    assert_eq!(bench.value("const WORKER_ID = 5; WORKER_ID"), "5");
    let bench = Bench::with(EngineConfig::new().with_allow_eval(true));
    assert_eq!(bench.value("eval(\"let worker_id = 5\"); worker_id"), "5");
}

#[test]
fn constants_cannot_be_changed() {
    let bench = Bench::new();
    assert_eq!(bench.kind("worker_id = 5;"), TaskErrorKind::Runtime);
    assert_eq!(bench.value("let a = args; a.name = 1; args.name"), r#""Ada""#);
    assert_eq!(bench.kind("args.name = 1; args.name"), TaskErrorKind::Runtime);
}

#[test]
fn constants_do_not_leak_through_the_script_cache() {
    let bench = Bench::new();
    let source = "fn who() { `${caller_id} ${context_id} ${args.name}` } const C = who(); C";
    assert_eq!(bench.value(source), r#""caller-1 context-1 Ada""#);
    let mut task = Bench::task(source);
    task.caller_id = "caller-2".into();
    task.context_id = None;
    task.args = rhai_dispatcher_core::Json::null();
    assert_eq!(bench.start_task(task, None).value(), r#""caller-2  ""#);
}

#[test]
fn variables_do_not_leak_between_runs() {
    let bench = Bench::new();
    assert_eq!(bench.value("let secret = 1; secret"), "1");
    assert_eq!(bench.kind("secret"), TaskErrorKind::Runtime);
}

#[test]
fn prints_go_to_the_log_of_their_task() {
    let bench = Bench::new();
    let (_, log) = bench.run("print(\"one\"); debug(\"two\"); print(3)");
    let lines: Vec<_> = log.lines().iter().map(|line| (line.level, line.text.as_str())).collect();
    assert_eq!(lines, [(LogLevel::Print, "one"), (LogLevel::Debug, "\"two\""), (LogLevel::Print, "3")]);
    assert!(bench.run("1").1.is_empty());
}

#[test]
fn the_log_is_bounded() {
    let bench = Bench::with(EngineConfig::new().with_max_log_bytes(100));
    let (outcome, log) = bench.run("for i in 0..1000 { print(\"0123456789012345678901234\"); } 1");
    assert!(matches!(outcome, Outcome::Completed(_)));
    assert_eq!(log.lines().len(), 4);
    assert!(log.is_truncated());
}

#[test]
fn a_result_without_a_json_form_is_named() {
    let bench = Bench::new();
    for (source, what) in [
        ("Fn(\"foo\")", "the result is a function pointer"),
        ("#{a: [1, || 2]}", "the result has at .a[1] a function pointer"),
        ("timestamp()", "timestamp"),
        ("[0.0 / 0.0]", "the number NaN"),
        ("1.0 / 0.0", "the number inf"),
        ("blob(3)", "a blob"),
        ("1..5", "a range"),
    ] {
        let error = bench.error(source);
        assert_eq!(error.kind, TaskErrorKind::Output, "{source}: {error:?}");
        assert!(error.message.contains(what), "{source}: {error:?}");
    }
}

#[test]
fn a_result_is_bounded() {
    let bench = Bench::with(EngineConfig::new().with_max_output_bytes(100));
    assert_eq!(bench.value("[\"x\".len, 2]"), "[1,2]");
    assert_eq!(bench.kind("let s = \"\"; s.pad(99, 'x'); s"), TaskErrorKind::Limit);
    assert_eq!(bench.kind("let a = []; a.pad(60, 1); a"), TaskErrorKind::Limit);
    assert_eq!(
        bench.kind("let a = 1; let f = [a]; a = []; for i in 0..200 { a = [a]; } a"),
        TaskErrorKind::Limit
    );
}

#[test]
fn errors_carry_line_and_column() {
    let bench = Bench::new();
    let error = bench.error("let x = 1;\nlet y = x +* 2;");
    assert_eq!((error.kind, error.line), (TaskErrorKind::Parse, Some(2)));
    assert!(error.column.is_some());

    let error = bench.error("let x = 1;\n  nothing(x);");
    assert_eq!((error.kind, error.line, error.column), (TaskErrorKind::Runtime, Some(2), Some(3)));
    assert_eq!(error.message, "Function not found: nothing (i64)");

    let error = bench.error("throw \"x\"");
    assert_eq!((error.kind, error.message.as_str()), (TaskErrorKind::Runtime, "x"));
    assert_eq!((error.line, error.column), (Some(1), Some(1)));

    let error = bench.error("throw #{code: 7}");
    assert_eq!(error.message, "#{\"code\": 7}");
}

#[test]
fn an_error_in_a_function_is_where_it_happened() {
    let bench = Bench::new();
    let error = bench.error("fn inner() {\n  throw \"deep\";\n}\nfn outer() { inner() }\nouter()");
    assert_eq!((error.line, error.column), (Some(2), Some(3)));
    assert_eq!(error.message, "deep (in function `outer`) (in function `inner`)");
    let error = bench.error("let f = || throw \"deep\";\nf.call()");
    assert_eq!(error.message, "deep (in a closure)");
    assert_eq!(error.line, Some(1));
}

#[test]
fn scripts_reach_no_files_and_no_eval() {
    let bench = Bench::new();
    assert_eq!(bench.kind("import \"Cargo\" as c; 1"), TaskErrorKind::Runtime);
    assert_eq!(bench.kind("eval(\"1\")"), TaskErrorKind::Parse);
}

#[test]
fn a_script_over_the_size_limit_is_refused() {
    let bench = Bench::with(EngineConfig::new().with_max_script_bytes(20));
    let error = bench.error("1 + 1 + 1 + 1 + 1 + 1 + 1 + 1");
    assert_eq!(error.kind, TaskErrorKind::Limit);
    assert!(error.message.contains("29") && error.message.contains("20"), "{error}");
}

#[test]
fn log_listener_gets_each_line_that_the_log_has_when_it_is_written() {
    let lines = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = std::sync::Arc::clone(&lines);
    let config = EngineConfig::new().with_max_log_bytes(50).with_log_listener(move |task, level, text| {
        kept.lock().unwrap().push((task.caller_id.to_string(), level, text.to_owned()));
    });
    let bench = Bench::with(config);
    let mut run = bench.start("print(`one`); sleep(1); debug(`two`); print(`x`); print(`left out`);");
    assert!(run.poll().is_pending());
    let line = |level, text: &str| ("caller-1".to_owned(), level, text.to_owned());
    assert_eq!(*lines.lock().unwrap(), [line(LogLevel::Print, "one")]);
    bench.clock.advance(std::time::Duration::from_secs(1));
    let (_, log) = run.finish();
    assert!(log.is_truncated());
    let logged: Vec<_> = log.lines().iter().map(|kept| line(kept.level, &kept.text)).collect();
    assert_eq!(*lines.lock().unwrap(), logged);
    assert_eq!(logged.len(), 3);
}

#[test]
fn log_writes_a_line_of_its_level() {
    let bench = Bench::new();
    let (_, log) = bench
        .run("for level in [`debug`, `info`, `warn`, `error`] { log(level, `a line`) } print(log(100.0))");
    let levels: Vec<_> = log.lines().iter().map(|line| line.level).collect();
    assert_eq!(levels[..4], LogLevel::OF_LOG);
    assert_eq!(log.lines()[4].text, "2.0", "Rhai's logarithm is there too");
    for level in ["print", "loud", ""] {
        let error = bench.error(&format!("log(`{level}`, `a line`)"));
        let says =
            format!("log: level: {level:?} is not a level; use \"debug\", \"info\", \"warn\" or \"error\"");
        assert!(error.message.contains(&says), "{error}");
    }
}

#[test]
fn progress_is_between_0_and_1_and_has_a_short_text() {
    let bench = Bench::new();
    assert_eq!(bench.value("progress(0, ``); progress(0.5, `half`); progress(1, `all`); 1"), "1");
    for (call, says) in [
        ("progress(2, ``)", "progress: fraction: 2 is not between 0 and 1"),
        ("progress(-0.1, ``)", "progress: fraction: -0.1 is not between 0 and 1"),
        ("progress(0.0 / 0.0, ``)", "progress: fraction: NaN is not between 0 and 1"),
        ("progress(1.0 / 0.0, ``)", "progress: fraction: inf is not between 0 and 1"),
        ("progress(1.0000001, ``)", "progress: fraction: 1.0000001 is not between 0 and 1"),
        (
            "let a = `x`; a.pad(1_000_000, 'x'); progress(1, a)",
            "progress: text: it has 1000000 bytes (limit: 1024)",
        ),
        ("let a = `x`; a.pad(1_025, 'x'); progress(1, a)", "progress: text: it has 1025 bytes (limit: 1024)"),
    ] {
        let error = bench.error(call);
        assert!(error.message.contains(says), "{call}: {error}");
    }
}
