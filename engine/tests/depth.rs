//! Nesting of every sort ends in an answer or an error, never in a dead process.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use rhai_dispatcher_core::{Outcome, TaskErrorKind};
use rhai_dispatcher_engine::{EngineConfig, ScriptChecker};
use support::Bench;

#[test]
fn recursion_ends_at_the_limit() {
    let bench = Bench::new();
    assert_eq!(bench.value("fn f(n) { if n == 0 { 0 } else { 1 + f(n - 1) } } f(60)"), "60");
    let error = bench.error("fn f(n) {\n  f(n + 1)\n}\nf(0)");
    assert_eq!(error.kind, TaskErrorKind::Limit);
    assert!(error.message.contains("64"), "{error}");
    assert!(error.line.is_some());

    // As much as one level can use: each call in an expression as deep as a function may have.
    let nested = format!("{}f(n + 1){}", "[".repeat(20), "]".repeat(20));
    assert_eq!(bench.kind(&format!("fn f(n) {{ {nested} }} f(0)")), TaskErrorKind::Limit);
    assert_eq!(bench.kind("let f = |f, n| f.call(f, n + 1); f.call(f, 0)"), TaskErrorKind::Limit);
    assert_eq!(bench.kind("fn f(n) { [n].map(|x| f(x)) } f(0)"), TaskErrorKind::Limit);
    assert_eq!(bench.kind("fn f(n) { try { f(n) } catch { f(n) } } f(0)"), TaskErrorKind::Limit);
}

#[test]
fn recursion_without_a_limit_of_its_own_ends_before_the_stack_does() {
    let config = EngineConfig::new()
        .with_max_call_levels(1_000_000)
        .with_max_memory(4 * 1024 * 1024)
        .with_stack_size(16 * 1024 * 1024);
    let error = Bench::with(config).error("fn f(n) { f(n + 1) } f(0)");
    assert_eq!(error.kind, TaskErrorKind::Limit);
    assert!(error.message.contains("stack"), "{error}");
}

#[test]
fn hostile_sources_are_refused() {
    let bench = Bench::new();
    let checker = ScriptChecker::new(EngineConfig::new());
    let long = 60_000;
    for (name, source) in [
        ("parentheses", "(".repeat(long)),
        ("brackets", "[".repeat(long)),
        ("maps", "#{a:".repeat(long)),
        ("blocks", "{".repeat(long)),
        ("minus", format!("{}1", "-".repeat(long))),
        ("spaced minus", format!("{}1", "- ".repeat(long))),
        ("not", format!("{}true", "!".repeat(long))),
        ("else if", format!("if a {{}} {}", "else if a {}".repeat(20_000))),
        ("dots", format!("a{}", ".a".repeat(long))),
        ("indexes", format!("a{}", "[0]".repeat(long))),
        ("calls", "f(".repeat(long)),
        ("closures", "||".repeat(long)),
        ("closures with bodies", "|x|{".repeat(long)),
        ("sum", format!("1{}", "+1".repeat(long))),
        ("sum of variables", format!("a{}", "+a".repeat(long))),
        ("power", format!("2{}", "**2".repeat(long))),
        ("and", format!("a{}", "&&a".repeat(long))),
        ("coalesce", format!("a{}", "??a".repeat(long))),
        ("interpolation", "`${".repeat(long)),
        ("comments", "/*".repeat(long)),
        ("loops", "while true {".repeat(20_000)),
        ("switch", "switch 1 { 1 => ".repeat(15_000)),
        ("assignments", "a = ".repeat(long)),
        ("returns", "return ".repeat(30_000)),
        ("throws", "throw ".repeat(30_000)),
        ("try", "try {".repeat(long)),
        ("functions", "fn f() {".repeat(30_000)),
        ("namespaces", format!("a{}", "::a".repeat(long))),
        ("do", "do {".repeat(30_000)),
        ("for", "for x in ".repeat(20_000)),
        ("let", "let a = if true {".repeat(15_000)),
        ("method calls", format!("a{}", ".f()".repeat(long))),
        ("elvis", format!("a{}", "?.a".repeat(long))),
    ] {
        let checked = checker.check_source(&source);
        let (ran, _) = bench.run(&source);
        match (&checked, &ran) {
            (Err(checked), Outcome::Error(ran)) => assert_eq!(checked, ran, "{name}"),
            (Ok(()), _) => {}
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn deep_values_are_dropped_copied_printed_and_compared() {
    let bench = Bench::new();
    for nest in ["a = [a]", "a = #{a: a}", "a = [#{a: a}]"] {
        let build = format!("let a = 1; for i in 0..300 {{ {nest}; }}");
        for then in [
            "()",
            "let b = a; b == a",
            "print(a)",
            "debug(a)",
            "`${a}`.len",
            "a",
            "throw a",
            "a = ()",
            "a.to_json()",
        ] {
            let (_, log) = bench.run(&format!("{build} {then}"));
            assert!(log.lines().len() <= 1);
        }
    }
}

#[test]
fn the_deepest_value_is_printed() {
    // Copied at each level, so much deeper takes minutes in a debug build.
    let bench = Bench::with(EngineConfig::new().with_max_array_size(700).with_max_map_size(700));
    let (outcome, log) = bench.run("let a = 1; for i in 0..699 { a = [#{a: a}]; } print(a); a");
    assert_eq!(log.lines().len(), 1);
    assert!(matches!(outcome, Outcome::Error(error) if error.kind == TaskErrorKind::Limit));
    assert_eq!(bench.kind("let a = 1; loop { a = [#{a: a}]; }"), TaskErrorKind::Limit);
}

#[test]
fn deep_json_is_refused() {
    let bench = Bench::new();
    let parse = "let s = \"\"; s.pad(100000, '['); parse_json(s)";
    assert_eq!(bench.kind(parse), TaskErrorKind::Limit);
    assert_eq!(bench.kind("let a = 1; for i in 0..200 { a = [a]; } a"), TaskErrorKind::Limit);
}

#[test]
fn chains_of_closures_are_dropped() {
    let bench = Bench::new();
    assert_eq!(bench.value("let a = 1; for i in 0..20000 { let b = a; a = || b; } 1"), "1");
}
