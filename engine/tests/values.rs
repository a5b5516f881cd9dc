//! Values that contain themselves, that have no end in practice, that grow by index, or that are deeper than a stack.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use rhai_dispatcher_core::{Outcome, TaskErrorKind};
use rhai_dispatcher_engine::EngineConfig;
use support::Bench;

/// A closure that holds itself.
const CIRCLE: &str = "let a = 0; a = || a;";
/// A map with 2^24 values, in as many captured variables as there are rounds.
const DOUBLED: &str = "let x = #{}; for i in 0..24 { let p = x; x = #{ a: || p, b: || p }; }";
/// An array with 4.5 GB of text, of one string.
const LONG: &str =
    "let s = `x`; s.pad(500000, 'x'); let a = []; a.pad(900, 0); for i in 0..900 { a[i] = s; }";

#[test]
fn circle_reads_as_an_ellipsis_in_an_error() {
    let bench = Bench::new();
    for script in [
        "throw a;",
        "throw [a];",
        "throw #{a: a};",
        "fn f(x) { throw x; } f(a)",
        "try { throw a } catch (e) { throw e }",
    ] {
        let error = bench.error(&format!("{CIRCLE} {script}"));
        assert_eq!(error.kind, TaskErrorKind::Runtime, "{script}: {error}");
        assert!(error.message.contains('…'), "{script}: {error}");
    }
}

#[test]
fn circle_ends_wherever_it_goes() {
    let bench = Bench::new();
    for (script, part) in [
        ("a", "has no JSON form"),
        ("[a]", "has no JSON form"),
        ("#{a: a}.to_json()", "to_json: the value has at .a a function pointer, which has no JSON form"),
        ("let m = #{}; m.f = || m; m.to_json()", "the value has at .f a function pointer"),
        ("[a] == [a]", "Function not found: == (Fn, Fn)"),
        ("[a].contains(a)", "Function not found: == (Fn, Fn)"),
        ("nothing(a, [a])", "Function not found: nothing (Fn, array)"),
    ] {
        let error = bench.error(&format!("{CIRCLE} {script}"));
        assert!(error.message.contains(part), "{script}: {error}");
    }
    for script in [
        "`${a}`",
        "`${[a]}`",
        "\"\" + a",
        "[a].to_string()",
        "#{a: a}.to_debug()",
        "print([a]); debug(a); ``",
    ] {
        assert!(bench.value(&format!("{CIRCLE} {script}")).starts_with('"'), "{script}");
    }
    assert_eq!(bench.value(&format!("{CIRCLE} switch a {{ 1 => 2, _ => 3 }}")), "3");
}

#[test]
fn doubled_value_ends_at_the_limit_of_its_text() {
    let bench = Bench::new();
    let error = bench.error(&format!("{DOUBLED} x.to_json().len"));
    assert!(error.message.contains("at .a a function pointer"), "{error}");
    let error = bench.error(&format!("{DOUBLED} throw x;"));
    assert_eq!(error.kind, TaskErrorKind::Runtime, "{error}");
    assert!(error.message.ends_with('…') && error.message.len() < 5_000, "{}", error.message.len());
    // What closures hold is not a part of these.
    for script in ["`${x}`", "x.to_string()", "\"\" + x", "x == 1", "[x].len()", "print(x)"] {
        let (outcome, _) = bench.run(&format!("{DOUBLED} {script}"));
        assert!(matches!(outcome, Outcome::Completed(_)), "{script}: {outcome:?}");
    }
}

#[test]
fn text_of_a_value_stops_at_the_limit_of_strings() {
    let bench = Bench::new();
    for script in [
        "\"\" + a",
        "a + \"\"",
        "let t = \"\"; t += a;",
        "let t = \"\"; t.append(a);",
        "`${a}`",
        "`x${a}${a}`",
        "a.to_string()",
        "a.to_debug()",
        "[[a]].to_string()",
        "#{a: a}.to_json()",
        "fn f(x) { `${x}` } f(a)",
        "try { `${a}` } catch { 1 }",
        "[1].map(|x| `${a}`)",
        "const C = a; `${C}`",
    ] {
        let error = bench.error(&format!("{LONG} {script}"));
        assert_eq!(error.kind, TaskErrorKind::Limit, "{script}: {error}");
        assert!(error.message.contains("the text of a value is too large"), "{script}: {error}");
    }
}

#[test]
fn printed_value_stops_at_the_limit_of_the_log() {
    let config = EngineConfig::new().with_max_log_bytes(1_000);
    let (outcome, log) = Bench::with(config).run("let a = []; a.pad(9000, `text`); print(a); debug(a);");
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    assert!(log.is_truncated() && log.bytes() <= 1_000);
}

#[test]
fn script_that_ends_while_it_interpolates_writes_no_value() {
    // At whichever operation it ends.
    let script = format!("{DOUBLED} let y = []; for i in 0..9 {{ y = [x, y]; let t = `${{y}}`; }}");
    let needs = (1..).map(|hundreds| hundreds * 100).find(|max| {
        let bench = Bench::with(EngineConfig::new().with_max_operations(*max));
        matches!(bench.run(&script).0, Outcome::Completed(_))
    });
    for max in needs.unwrap() - 140..needs.unwrap() - 100 {
        let bench = Bench::with(EngineConfig::new().with_max_operations(max));
        let error = bench.error(&script);
        assert!(error.message.starts_with("too many operations"), "{max}: {error}");
    }
}

#[test]
fn sizes_hold_for_what_is_assigned_by_index() {
    let config = EngineConfig::new()
        .with_max_array_size(10_000)
        .with_max_map_size(10_000)
        .with_max_string_bytes(100_000);
    let bench = Bench::with(config);
    for (script, part) in [
        ("let m = #{}; for i in 0..60000 { m[\"k\" + i] = i; } m.len()", "object map"),
        ("let m = #{a: #{}}; for i in 0..60000 { m.a[\"k\" + i] = i; } 1", "object map"),
        ("let m = #{a: [#{}]}; for i in 0..60000 { m.a[0][\"k\" + i] = i; } 1", "object map"),
        ("let m = #{}; let f = || m; for i in 0..60000 { m[\"k\" + i] = i; } 1", "object map"),
        ("fn grow() { for i in 0..60000 { this[\"k\" + i] = i; } } let m = #{}; m.grow(); 1", "object map"),
        ("let m = #{}; let f = || { for i in 0..60000 { m[\"k\" + i] = i; } }; f.call(); 1", "object map"),
        ("fn f(m) { for i in 0..60000 { m[\"k\" + i] = i; } m } f(#{}); 1", "object map"),
        (
            "let b = []; b.pad(1000, 0); let a = []; a.pad(1000, 0); for i in 0..1000 { a[i] = b; } for i in 0..9000 {} a.len()",
            "array",
        ),
        ("let a = [0, 0]; for i in 0..9000 { a[0] = a; a[1] = a; } 1", "array"),
        (
            "let s = `x`; s.pad(1000, 'x'); let a = []; a.pad(1000, 0); for i in 0..1000 { a[i] = s; } for i in 0..9000 {} a.len()",
            "string",
        ),
        ("let m = #{}; let s = `x`; s.pad(1000, 'x'); for i in 0..5000 { m[\"k\" + i] = s; } 1", "string"),
    ] {
        let error = bench.error(script);
        assert_eq!(error.kind, TaskErrorKind::Limit, "{script}: {error}");
        assert!(error.message.contains(part), "{script}: {error}");
    }
    assert_eq!(bench.value("let a = []; a.pad(9999, 0); for i in 0..9999 { a[i] = i; } a.len()"), "9999");
}

#[test]
fn values_deeper_than_allowed_are_refused() {
    let bench = Bench::new();
    for script in [
        "let x = 0; for i in 0..10000000 { let p = x; x = || p; }",
        "let x = 0; for i in 0..10000000 { let p = x; x = #{f: || p}; }",
        "let x = 0; for i in 0..10000000 { let p = [x]; x = [|| p]; }",
        "let x = 0; let f = || x; for i in 0..10000000 { let p = x; x = || p; }",
        "fn f() { let x = 0; for i in 0..10000000 { let p = x; x = || p; } } f()",
        "let x = 0; [1].for_each(|| { for i in 0..10000000 { let p = x; x = || p; } })",
    ] {
        let error = bench.error(script);
        assert_eq!(error.kind, TaskErrorKind::Limit, "{script}: {error}");
        assert!(error.message.contains("nested too deep"), "{script}: {error}");
    }
}

#[test]
fn deep_values_end_wherever_they_go() {
    let bench = Bench::new();
    let deep = "let x = 0; for i in 0..5000 { let p = x; x = [|| p]; }";
    for script in [
        "x == x",
        "x == [1]",
        "`${x}`",
        "throw x",
        "x",
        "#{a: x}.to_json()",
        "print(x)",
        "switch x { 1 => 2 }",
        "x = ();",
    ] {
        let (outcome, _) = bench.run(&format!("{deep} {script}"));
        let Outcome::Error(error) = outcome else { continue };
        assert!(error.kind != TaskErrorKind::Panic, "{script}: {error}");
    }
}

#[test]
fn stack_too_small_for_the_memory_is_refused() {
    let config = EngineConfig::new().with_max_memory(192 * 1024 * 1024).with_stack_size(64 * 1024 * 1024);
    assert!(config.check().is_err());
    let error = Bench::with(config.clone()).error("1");
    assert!(error.message.contains("stack_size") && error.message.contains("max_memory"), "{error}");
    let follows = config.with_stack_size(0);
    assert_eq!(Bench::with(follows).value("let x = 0; for i in 0..30000 { let p = x; x = || p; } 1"), "1");
}

#[test]
fn copies_of_what_functions_have_curried_are_bounded() {
    // Each copy of the function has 1,001 values; a hundred thousand of them would take a minute.
    let script =
        "let b = []; b.pad(1000, []); let f = Fn(`f`).curry(b); let a = []; a.pad(100000, f); a.len()";
    let error = Bench::new().error(script);
    assert_eq!(error.kind, TaskErrorKind::Limit, "{error}");
    assert!(error.message.contains("an array is too large"), "{error}");
    // What closures have captured is shared by the copies.
    let shared = "let b = []; b.pad(1000, []); let a = []; a.pad(10000, || b); a.len()";
    assert_eq!(Bench::new().value(shared), "10000");
}

#[test]
fn debug_text_of_a_long_string_is_written_in_slices() {
    let script = |end| format!("let s = ``; s.pad(400000, '\"'); {end}");
    for (end, max) in [("s.len", 25), ("s.to_debug().len", 60)] {
        let bench = Bench::with(EngineConfig::new().with_max_operations(max));
        assert!(matches!(bench.run(&script(end)).0, Outcome::Completed(_)), "{end}");
    }
    let error = Bench::with(EngineConfig::new().with_max_operations(25)).error(&script("s.to_debug().len"));
    assert!(error.message.starts_with("too many operations"), "{error}");
    assert_eq!(Bench::new().value("const S = `a\"b`; S.to_debug()"), r#""\"a\\\"b\"""#);
}
