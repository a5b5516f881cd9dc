//! Assignments to ranges of strings, and to what could be one, mean what Rhai says.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use rhai_dispatcher_core::TaskErrorKind;
use rhai_dispatcher_engine::EngineConfig;
use support::Bench;

/// Scripts, and what they answer.
const CASES: &[(&str, &str)] = &[
    ("let s = `hello`; s[0..2] = `J`; s", r#""Jllo""#),
    ("let s = `hello`; s[1..=2] = 42; s", r#""h42lo""#),
    ("let s = `hello`; s[0..2] = 'x'; s", r#""xllo""#),
    ("let s = `hello`; s[0..2] = [1, `a`]; s", r#""[1, \"a\"]llo""#),
    ("let s = `hello`; let t = `J`; let r = 0..2; s[r] = t; s", r#""Jllo""#),
    ("let s = `hello`; let t = `J`; let r = 0..2; s[r] += t; s", r#""heJllo""#),
    ("let s = `hello`; let t = `J`; s[0..s.len()] = `${t}${t}`; s", r#""JJ""#),
    ("let m = #{s: [`hello`]}; let t = `J`; m.s[0][range(0, 2)] += t; m.s[0]", r#""heJllo""#),
    ("let n = 0; let v = 3; n[0..2] = v; n", "3"),
    // An index that is not a range stores the value itself.
    ("let r = 0..2; let a = [0, 0]; let i = 1; a[i] = [1, `x`]; a", r#"[0,[1,"x"]]"#),
    ("let r = 0..2; let a = [0, 0]; let v = [1]; let i = 0; a[i + 1] = v; a", "[0,[1]]"),
    ("let r = 0..2; let a = [0, 0]; let v = [1]; a[{ let x = 1; x }] = v; a", "[0,[1]]"),
    ("let r = 0..2; let a = [0, 0]; let v = [1]; fn f() { 1 } a[f()] = v; a[f()] += v; a", "[0,[1,1]]"),
    ("let r = 0..2; let m = #{}; let k = `k`; m[k] = #{a: 1}; m[k].a = [2]; m", r#"{"k":{"a":[2]}}"#),
    ("let r = 0..2; let a = [[0]]; let i = 0; let v = [1]; a[i][i] = v; a", "[[[1]]]"),
    // The value comes before the index.
    ("let r = 0..2; let a = [0, 0]; let i = 0; a[i] = { i = 1; [5] }; a", "[0,[5]]"),
    // In functions and closures, with their own ways out.
    (
        "fn put(s, r, v) { if v == 0 { return s; } s[r] = v; s } put(`hello`, 0..2, [1]) + put(`a`, 0..1, 0)",
        r#""[1]lloa""#,
    ),
    ("let a = [0]; let f = |i, v| { a[i] = v; a }; f.call(0, [0..2].len())", "[1]"),
    ("fn put(i, v) { this[i] = v; } let a = [0, 0]; let r = 0..1; a.put(1, [2]); a", "[0,[2]]"),
    ("let a = [0]; for i in 0..1 { let r = i..2; switch i { 0 => a[i] = [r.start], _ => () } } a", "[[0]]"),
    (
        "let a = [0]; let i = 0; let r = 0..1; let x = { a[i] = [7]; 1 }; let y = [{ a[i] += [8]; 2 }]; a",
        "[[7,8]]",
    ),
];

#[test]
fn assignments_to_ranges_and_indexes_mean_what_they_did() {
    let bench = Bench::new();
    for (source, value) in CASES {
        assert_eq!(bench.value(source), *value, "{source}");
    }
}

#[test]
fn texts_that_are_evaluated_are_part_of_the_script() {
    let bench = Bench::with(EngineConfig::new().with_allow_eval(true));
    for (source, value) in [
        ("let s = `hello`; eval(\"s[0..2] = [1]\"); s", r#""[1]llo""#),
        ("let x = eval(\"let y = 4; y + 1\"); x + y", "9"),
        ("fn f() { let r = eval(\"return 3;\"); r + 1 } f()", "4"),
        ("let a = [1]; let i = 0; eval(\"a[i] = [2]\"); let f = || a; f.call()", "[[2]]"),
        ("eval(`1 + 1`) + eval(eval(`\"2\"`))", "4"),
        ("eval(``)", "null"),
        ("let n = 0; try { eval(`1 +`) } catch { n = 5 } n", "5"),
    ] {
        assert_eq!(bench.value(source), value, "{source}");
    }
    assert!(bench.error("eval(5)").message.contains("string"), "{}", bench.error("eval(5)"));
    assert_eq!(bench.kind("eval(\"fn f() {}\")"), TaskErrorKind::Parse);
    assert!(bench.error("eval(`throw 1`)").message.contains("eval"), "{}", bench.error("eval(`throw 1`)"));
}

#[test]
fn a_range_that_comes_of_side_effects_is_refused() {
    let error = Bench::new().error("fn f() { 0..2 } let s = `hello`; let t = `J`; s[f()] = t; s");
    assert!(error.kind == TaskErrorKind::Runtime && error.message.contains("let r = …; s[r] = …"), "{error}");
    assert_eq!((error.line, error.column.is_some()), (Some(1), true), "{error}");
}

#[test]
fn a_text_of_a_value_that_is_longer_than_a_string_may_be_is_refused() {
    // Each of its bytes takes five when the array is written out.
    let error = Bench::new().error("let t = `\u{1}`; t.pad(600000, t); let s = `hello`; s[0..2] = [t]; s");
    assert!(error.kind == TaskErrorKind::Limit && error.message.contains("max_string_bytes"), "{error}");
    assert_eq!(
        Bench::new().value("let t = `x`; t.pad(600000, t); let s = `hello`; s[0..2] = [t]; s.len"),
        "600007"
    );
}

/// A function makes a part of a string longer, and Rhai puts it back without a look at the whole.
#[test]
fn string_that_grows_by_its_parts_is_bounded() {
    for part in
        ["s[0..2].append(s)", "s[0..2].append(t)", "s[0..2].pad(600000, 'x')", "s[0..1].replace(`a`, t)"]
    {
        let grows = format!(
            "let t = `x`; t.pad(600000, 'x'); let s = `abcdefgh`; for i in 0..200 {{ s[0] = 'a'; {part}; }} s.len"
        );
        let error = Bench::new().error(&grows);
        assert!(
            error.kind == TaskErrorKind::Limit && error.message.contains("max_string_bytes"),
            "{part}: {error}"
        );
    }
}
