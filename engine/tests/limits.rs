//! A task lowers limits of its lane, for itself alone.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::alloc::System;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use rhai_dispatcher_core::{Limits, ManualClock, Outcome, Ran, TaskErrorKind, TaskLog};
use rhai_dispatcher_engine::{EngineConfig, ScriptAllocator};
use support::{Bench, Started};

#[global_allocator]
static ALLOCATOR: ScriptAllocator<System> = ScriptAllocator::new(System);

/// Name and value of a limit, a script that goes over it and not over the lane's own, and what the error says.
const CASES: &[(&str, &str, &str, &str)] = &[
    ("max_script_bytes", "10", "1 + 1 + 1 + 1", "the script has 13 bytes, more than the limit of 10"),
    ("max_operations", "1000", "let n = 0; while n < 500 { n += 1; } n", "too many operations (limit: 1000)"),
    ("max_operations", "1", "let a = 1; let b = 2; a + b", "too many operations (limit: 1)"),
    (
        "max_operations",
        "1000",
        "let n = 0; try { loop { n += 1; if n > 900 { break } } } catch {}",
        "(limit: 1000)",
    ),
    (
        "max_operations",
        "1000",
        "let a = []; a.pad(20, 1); let n = 0; for i in 0..200 { if a == a { n += 1 } } n",
        "too many operations (limit: 1000)",
    ),
    (
        "max_operations",
        "1000",
        "let a = []; a.pad(50, 0); a.for_each(|| { let n = 0; while n < 50 { n += 1 } }); 1",
        "too many operations (limit: 1000)",
    ),
    ("max_call_levels", "3", "fn f(n) { if n > 0 { f(n - 1) } } f(5)", "nested too deep (limit: 3 levels)"),
    ("max_expr_depth", "5", "((((((((1))))))))", "(limits: 5 levels, 32 in functions)"),
    (
        "max_function_expr_depth",
        "4",
        "fn f() { ((((((((1)))))))) } f()",
        "(limits: 64 levels, 4 in functions)",
    ),
    ("max_functions", "1", "fn f() {} fn g() {} 1", "(limit: 1)"),
    ("max_variables", "2", "let a = 1; let b = 2; let c = 3; c", "too many variables (limit: 2)"),
    (
        "max_variables",
        "2",
        "fn f() { if false { a; b; c; } 1 } f()",
        "too many variables that are not defined (limit: 2)",
    ),
    ("max_arguments", "2", "[max(1, 2), if false { f(1, 2, 3) }]", "arguments or parameters (limit: 2)"),
    ("max_arguments", "2", "fn f(a, b, c) { a } f(1, 2, 3)", "arguments or parameters (limit: 2)"),
    ("max_arguments", "2", "let f = |a, b, c| a; f.call(1, 2, 3)", "arguments or parameters (limit: 2)"),
    (
        "max_arguments",
        "2",
        "let a = 1; let b = 2; let c = 3; let f = || a + b + c; f.call()",
        "too many variables that a closure captures (limit: 2)",
    ),
    (
        "max_arguments",
        "2",
        "let p = Fn(\"f\"); for i in 0..3 { p = p.curry(i); } 1",
        "those that are curried (limit: 2)",
    ),
    ("max_string_bytes", "8", "let s = \"12345\"; s += s; s", "(limit: 8)"),
    ("max_string_bytes", "8", "\"123456789\"", "a string that is written out is too large (limit: 8)"),
    ("max_array_size", "2", "[1, 2, 3]", "(limit: 2)"),
    ("max_map_size", "1", "#{a: 1, b: 2}", "(limit: 1)"),
    ("max_map_literal", "1", "#{a: 1, \"b\": #{}}", "that is written out (limit: 1)"),
    ("max_string_bytes", "8", "let s = \"1\"; s.pad(9, '2'); s", "(limit: 8)"),
    ("max_array_size", "3", "let a = [1, 2]; a.push(3); a.push(4); a", "(limit: 3)"),
    ("max_array_size", "3", "\"a b c d\".split()", "(limit: 3)"),
    ("max_map_size", "2", "let m = #{a: 1, b: 2}; m.c = 3; m", "(limit: 2)"),
    (
        "max_modules",
        "1",
        "import \"one\" as a; import \"one\" as b; 1",
        "too many imports of modules (limit: 1)",
    ),
    ("max_script_bytes", "30", "import \"long\" as a; 1", "the module has too many bytes (limit: 30)"),
    (
        "max_memory",
        "100000",
        "let s = ``; s.pad(200000, `x`); let n = 0; while n < 2000 { n += 1 } n",
        "limit of 100000 bytes",
    ),
    ("max_output_bytes", "5", "\"12345\"", "the result has more than 5 bytes of JSON"),
    ("max_requests", "1", "nap_async(1000); nap_async(1000); 1", "not fetched (limit: 1)"),
    ("max_wall_time", "1.5", "sleep(10); 1", "ran longer than the limit of 1.5s"),
    ("max_cpu_time", "0.5", "for n in 0..10 { burn(100) } 1", "the limit of 500ms of processor time"),
];

fn bench() -> Bench {
    let modules = Path::new(env!("CARGO_TARGET_TMPDIR")).join("limits");
    std::fs::create_dir_all(&modules).unwrap();
    std::fs::write(modules.join("one.rhai"), "1").unwrap();
    std::fs::write(modules.join("long.rhai"), "let x = 1; // and thirty bytes or so").unwrap();
    let clock = Arc::new(Mutex::new(None::<ManualClock>));
    let of_function = Arc::clone(&clock);
    let config = EngineConfig::new().with_modules_folder(modules).with_setup(move |engine| {
        let clock = Arc::clone(&of_function);
        engine.register_fn("burn", move |ms: i64| {
            clock.lock().unwrap().clone().unwrap().advance(Duration::from_millis(ms.unsigned_abs()));
        });
    });
    let (bench, _) = Bench::with_stubs(config);
    *clock.lock().unwrap() = Some(bench.clock.clone());
    bench
}

fn start(bench: &Bench, script: &str, limits: Limits) -> Started {
    let mut task = Bench::task(script);
    task.limits = Some(Arc::new(limits));
    bench.start_task(task, None)
}

/// Runs it to its end, while the clock advances.
fn end(bench: &Bench, mut run: Started) -> (Outcome, TaskLog) {
    for _ in 0..10_000 {
        match run.poll() {
            Poll::Ready(Ran::Finished(outcome, log)) => return (outcome, log),
            Poll::Ready(Ran::Stopped(log)) => panic!("stopped: {log:?}"),
            // Also for what reads a file.
            Poll::Pending => std::thread::sleep(Duration::from_micros(100)),
        }
        bench.clock.advance(Duration::from_millis(100));
    }
    panic!("no end");
}

fn lowered(bench: &Bench, name: &str, value: &str, script: &str) -> (Outcome, TaskLog) {
    let mut limits = Limits::default();
    limits.set(name, value).unwrap();
    end(bench, start(bench, script, limits))
}

#[test]
fn each_limit_is_lowered_for_one_task_and_for_no_other() {
    let bench = bench();
    for (name, value, script, says) in CASES {
        let unlimited = || match end(&bench, bench.start(script)).0 {
            Outcome::Completed(output) => output,
            other => panic!("{script}: {other:?}"),
        };
        let before = unlimited();
        let Outcome::Error(error) = lowered(&bench, name, value, script).0 else {
            panic!("{name}={value}: {script}");
        };
        let kind = if *name == "max_wall_time" { TaskErrorKind::Timeout } else { TaskErrorKind::Limit };
        assert_eq!(error.kind, kind, "{name}: {error}");
        assert!(error.message.contains(says), "{name}: {error}");
        let raise = format!("raise {name} with `--limit {name}=…` or `EngineConfig::with_{name}`");
        assert!(error.message.contains(&raise), "{name}: {error}");
        assert_eq!(unlimited(), before, "{name}");
        // Nor does one above the lane's own raise that.
        let high = Limits::default().with_max_call_levels(usize::MAX).with_max_operations(u64::MAX);
        assert_eq!(end(&bench, start(&bench, script, high)).0, Outcome::Completed(before), "{name}");
    }
    // That of the log ends no script: see below.
    let has_case = |name: &&&str| **name == "max_log_bytes" || CASES.iter().any(|case| case.0 == **name);
    let missing: Vec<_> = Limits::NAMES.iter().filter(|name| !has_case(name)).collect();
    assert!(missing.is_empty(), "limits without a case in `CASES`: {missing:?}");
}

#[test]
fn a_log_is_cut_at_the_limit_of_its_task() {
    let bench = bench();
    let script = "print(\"12345\"); print(\"67890\");";
    let (outcome, log) = lowered(&bench, "max_log_bytes", "7", script);
    assert!(matches!(outcome, Outcome::Completed(_)) && log.is_truncated(), "{log:?}");
    let (_, log) = bench.run(script);
    assert!(log.lines().len() == 2 && !log.is_truncated(), "{log:?}");
}

#[test]
fn operations_are_counted_to_the_last() {
    let bench = bench();
    let script = "let n = 0; while n < 500 { n += 1; } n";
    // As many as a lane's own limit lets it do.
    let needs = (1..).find(|max| {
        let own = Bench::with(EngineConfig::new().with_max_operations(*max * 100));
        matches!(own.run(script).0, Outcome::Completed(_))
    });
    let needs = needs.unwrap() * 100;
    let exact = (needs - 100..=needs).find(|max| {
        matches!(lowered(&bench, "max_operations", &max.to_string(), script).0, Outcome::Completed(_))
    });
    let own = Bench::with(EngineConfig::new().with_max_operations(exact.unwrap() - 1));
    assert_eq!(own.kind(script), TaskErrorKind::Limit);
    let own = Bench::with(EngineConfig::new().with_max_operations(exact.unwrap()));
    assert_eq!(own.value(script), "500");
}

#[test]
fn a_lane_without_a_limit_takes_that_of_a_task() {
    let config =
        EngineConfig::new().with_max_operations(0).with_max_expr_depth(0).with_max_function_expr_depth(0);
    let bench = Bench::with(config.with_max_string_bytes(0).with_max_array_size(0).with_max_map_size(0));
    // More than any default but that of operations.
    let deep = format!("{}1{}", "(".repeat(100), ")".repeat(100));
    let deep_function = format!("fn f() {{ {deep} }} f()");
    for (name, script) in [
        ("max_operations", "let n = 0; while n < 2_000 { n += 1 }"),
        ("max_expr_depth", &*deep),
        ("max_function_expr_depth", &*deep_function),
        ("max_string_bytes", "let s = ``; s.pad(1_100_000, 'x');"),
        ("max_array_size", "let a = []; a.pad(110_000, 1);"),
        ("max_map_size", "let m = #{}; for n in 0..51_000 { m[n.to_string()] = 1 }"),
    ] {
        assert!(matches!(bench.run(script).0, Outcome::Completed(_)), "{name}");
        let Outcome::Error(error) = lowered(&bench, name, "10", script).0 else { panic!("{name}") };
        assert!(error.kind == TaskErrorKind::Limit && error.message.contains("10"), "{name}: {error}");
    }
}

/// A lane, and something that its engines hold.
fn counted() -> (Bench, Arc<()>) {
    let held = Arc::new(());
    let of_engines = Arc::clone(&held);
    let config = EngineConfig::new().with_setup(move |engine| {
        let held = Arc::clone(&of_engines);
        engine.register_fn("held", move || i64::try_from(Arc::strong_count(&held)).unwrap());
    });
    (Bench::with(config), held)
}

#[test]
fn a_lane_keeps_a_few_engines_besides_its_own() {
    let (bench, held) = counted();
    let own = Arc::strong_count(&held);
    let run = |limits| start(&bench, "1", limits).end();
    for n in 100..200 {
        run(Limits::default().with_max_operations(n).with_max_log_bytes(9).with_max_call_levels(64));
        assert_eq!(Arc::strong_count(&held), own, "what is not the engine's needs none");
    }
    run(Limits::default().with_max_variables(1));
    let one = Arc::strong_count(&held) - own;
    for n in 1..50 {
        run(Limits::default().with_max_variables(n));
        run(Limits::default().with_max_variables(n));
    }
    assert_eq!(Arc::strong_count(&held) - own, 4 * one);
}

#[test]
fn what_shares_an_engine_shares_no_other_limit() {
    let bench = bench();
    let same = Limits::default().with_max_variables(100);
    let mut first =
        start(&bench, "sleep(1); loop {}", same.clone().with_max_operations(1_000).with_max_script_bytes(20));
    assert!(first.poll().is_pending());
    let other = start(&bench, "let n = 0; while n < 5_000 { n += 1 } n", same);
    assert!(matches!(end(&bench, other).0, Outcome::Completed(_)));
    assert!(matches!(end(&bench, first).0, Outcome::Error(_)));
}

#[test]
fn engines_for_lowered_limits_are_bounded() {
    let (bench, _) = counted();
    let waiting = |n| start(&bench, "sleep(1); 1", Limits::default().with_max_variables(n));
    // Those that are only kept make way.
    (1..=4).for_each(|n| drop(start(&bench, "1", Limits::default().with_max_functions(n)).end()));
    let mut runs: Vec<_> = (1..=64).map(waiting).collect();
    assert!(runs.iter_mut().all(|run| run.poll().is_pending()));
    let Ran::Finished(Outcome::Error(error), _) = waiting(65).end() else { panic!("a 65th engine") };
    assert!(error.kind == TaskErrorKind::Limit && error.message.contains("64 different sets"), "{error}");
    assert!(waiting(64).poll().is_pending(), "it shares one");
    drop(runs);
    assert!(waiting(65).poll().is_pending(), "there is room again");
}

#[test]
fn scripts_with_the_same_limits_share_an_engine() {
    let (bench, held) = counted();
    let before = Arc::strong_count(&held);
    let mut waiting: Vec<_> = (0..40)
        .map(|n| start(&bench, "sleep(1); let a = 1; a", Limits::default().with_max_variables(n % 20 + 1)))
        .collect();
    assert!(waiting.iter_mut().all(|run| run.poll().is_pending()));
    let twenty = Arc::strong_count(&held) - before;
    assert_eq!(twenty % 20, 0, "{twenty}");
    bench.clock.advance(Duration::from_secs(1));
    for run in waiting {
        assert!(matches!(run.end(), Ran::Finished(Outcome::Completed(_), _)));
    }
    assert_eq!(Arc::strong_count(&held) - before, twenty / 5, "four are kept");
}

#[test]
fn operations_guide_lists_every_limit_with_its_default() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let defaults = serde_json::to_value(Limits::from(EngineConfig::new().limits)).unwrap();
    let row = |name: &&str| {
        let default = match Limits::is_time(name) {
            true => format!("{} s", defaults[name].as_f64().unwrap()),
            false => defaults[name].to_string(),
        };
        format!("| `{name}` | {default} | {} |\n", Limits::about(name).unwrap())
    };
    let table: String = Limits::NAMES.iter().map(row).collect();
    assert!(guide.contains(&table), "docs/operations.md has to have this table:\n{table}");
}

#[test]
fn each_limit_that_is_exceeded_tells_the_line() {
    let bench = bench();
    // What has no place in the script: its text as a whole, and its result.
    let without = ["max_script_bytes", "max_output_bytes"];
    for (name, value, script, _) in CASES.iter().filter(|case| !without.contains(&case.0)) {
        let Outcome::Error(error) = lowered(&bench, name, value, &format!("\n\n{script}")).0 else {
            panic!("{name}={value}: {script}");
        };
        assert_eq!(error.line, Some(3), "{script}: {error}");
    }
}

#[test]
fn size_that_is_exceeded_is_named() {
    let config = EngineConfig::new().with_max_string_bytes(8).with_max_array_size(4).with_max_map_size(2);
    let bench = Bench::with(config);
    let text = "the text of a value is too large, with that of all strings in it";
    let array = "an array is too large, with the arrays in it";
    let map = "an object map is too large, with the maps in it";
    let string = "a string that is written out is too large";
    for (script, what, limit) in [
        ("let s = \"12345\"; [s, s]", text, 8),
        ("let s = \"12345\"; #{a: s, b: s}", text, 8),
        ("let s = \"12345\"; let a = [s]; a.push(s)", text, 8),
        ("let s = \"12345\"; s + s", text, 8),
        ("let s = \"12345\"; `${s}${s}`", text, 8),
        ("let s = \"12345\"; s.pad(9, 'x')", &format!("{text}: 9 bytes of text"), 8),
        ("\"123456789\"", string, 8),
        ("let a = [1, 2, 3]; a += [4, 5]; a.len()", array, 4),
        ("let a = [1, 2, 3]; [a, a]", array, 4),
        ("blob(5)", array, 4),
        ("\"ab cd e\".to_chars()", array, 4),
        ("let m = #{a: 1, b: 2}; m.c = 3; m.len()", map, 2),
        ("let m = #{a: 1, b: 2}; [m, m]", map, 2),
    ] {
        let error = bench.error(script);
        assert_eq!(error.kind, TaskErrorKind::Limit, "{script}: {error}");
        let says = format!("{what} (limit: {limit}); raise max_");
        assert!(error.message.starts_with(&says), "{script}: {error}");
    }
    // How large it is, where we measure it.
    let bench = Bench::with(EngineConfig::new().with_max_map_size(5_000));
    let error = bench.error("let m = #{}; for i in 0..90000 { m[`${i}`] = 1; }");
    assert!(error.message.starts_with(&format!("{map}: ")), "{error}");
    assert!(error.message.contains(" properties (limit: 5000)"), "{error}");
}
