//! Closures that use the value whose method calls them.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use rhai_dispatcher_core::TaskErrorKind;
use support::Bench;

#[test]
fn closure_that_uses_the_array_it_runs_over_is_an_error_with_its_line_and_a_way_out() {
    let bench = Bench::new();
    let every = [
        "map(|x| a.len())",
        "filter(|x| a.len() > 1)",
        "for_each(|| a.push(1))",
        "reduce(|sum, x| sum + a[0])",
        "reduce_rev(|sum, x| sum + a[0])",
        "some(|x| x in a)",
        "all(|x| a.contains(x))",
        "find(|x| `${a}` == x)",
        "find_map(|x| a.len())",
        "index_of(|x| a == x)",
        "sort(|x, y| a.len())",
        "dedup(|x, y| a.len() > 1)",
        "drain(|x| a.len() > 1)",
        "retain(|x| a.len() > 1)",
        "map(|x| { for y in a { } })",
        "map(|x| { a = []; })",
    ];
    for call in every {
        for (script, line) in [
            (format!("let a = [1, 2];\nlet b = 1;\na.{call}; a.len()"), 3),
            (format!("fn f() {{\n let a = [1, 2];\n a.{call}; a.len() }}\nf()"), 3),
            (format!("let o = #{{a: [1]}};\nlet a = o;\n[1].map(|x| x);\na.a.{call}"), 4),
        ] {
            let error = bench.error(&script);
            let function = call.split_once('(').unwrap().0;
            assert_eq!(error.kind, TaskErrorKind::Runtime, "{script}: {error}");
            let says =
                format!("`{function}` can't run: its closure uses the value that `{function}` is called on");
            assert!(error.message.starts_with(&says), "{script}: {error}");
            assert!(error.message.contains("`let copy = a;`"), "{script}: {error}");
            assert_eq!(error.line, Some(line), "{script}: {error}");
        }
    }
    // The ways out.
    assert_eq!(bench.value("let a = [1, 2]; let n = a.len(); a.map(|x| x + n)"), "[3,4]");
    assert_eq!(bench.value("let a = [1, 2]; let copy = a; a.map(|x| copy.map(|y| x * y))"), "[[1,2],[2,4]]");
}

#[test]
fn the_call_is_found_where_its_closure_is_a_variable_and_in_closures() {
    let bench = Bench::new();
    for (script, line) in [
        ("let a = [1];\nlet f = |x| a.len();\na.map(f)", 3),
        ("let x = [1];\nlet f = || {\n x.map(|y| x) };\nf.call()", 3),
        ("let m = #{b: 1};\nm.filter(|k, v| m.b == v)", 2),
        ("let m = #{b: 1};\nm.f = |x| m.b;\nm.f(1)", 3),
    ] {
        let error = bench.error(script);
        assert_eq!(error.line, Some(line), "{script}: {error}");
        assert!(error.message.contains("in use"), "{script}: {error}");
    }
    let error = bench.error("let m = #{b: 1}; m.f = |x| m.b; m.f(1)");
    assert!(error.message.contains("a function that an object map has uses `this`"), "{error}");
    assert_eq!(bench.value("let m = #{b: 1}; m.f = |x| this.b; m.f(1)"), "1");
}
