//! What scripts may have of what Rhai's parser takes more than linear time for, and of what its calls do.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "support/constructs.rs"]
mod constructs;
mod support;

use std::task::Poll;

use constructs::{CONSTRUCTS, repeat};
use rhai_dispatcher_core::{Outcome, Ran, TaskErrorKind};
use rhai_dispatcher_engine::{EngineConfig, ScriptChecker};
use support::Bench;

/// The constructs that took more than linear time, and the setting that bounds each.
const BOUNDED: &[(&str, &str)] = &[
    ("unknown_names", "max_variables"),
    ("unknown_names_in_function", "max_variables"),
    ("variables", "max_variables"),
    ("constants", "max_variables"),
    ("variables_in_blocks", "max_variables"),
    ("variables_in_cases", "max_variables"),
    ("variables_then_unknown", "max_variables"),
    ("exported_again", "max_variables"),
    ("exports", "max_variables"),
    ("imports", "max_modules"),
    ("imports_and_functions", "max_modules"),
    ("imports_and_closures", "max_modules"),
    ("functions", "max_functions"),
    ("parameters", "max_arguments"),
    ("closure_parameters", "max_arguments"),
    ("captured", "max_arguments"),
    ("captured_in_nested", "max_arguments"),
    ("captured_by_many", "max_arguments"),
    ("captured_after_block", "max_arguments"),
    ("captured_by_let", "max_arguments"),
    ("captured_by_for", "max_arguments"),
    ("map_literal", "max_map_literal"),
    ("map_literal_texts", "max_map_literal"),
    ("arguments", "max_arguments"),
    ("arguments_of_unknown", "max_arguments"),
    ("arguments_of_method", "max_arguments"),
    ("arguments_of_closure", "max_arguments"),
    ("arguments_with_bang", "max_arguments"),
    ("arguments_in_module", "max_arguments"),
    ("arguments_in_switch", "max_arguments"),
];

#[test]
fn what_takes_more_than_linear_time_is_refused_by_the_name_of_its_setting() {
    // Small, so that a slow machine too gets there within the time that a check may take.
    let config = EngineConfig::new()
        .with_max_functions(200)
        .with_max_variables(200)
        .with_max_modules(200)
        .with_max_map_literal(200);
    let checker = ScriptChecker::new(config.clone());
    let bench = Bench::with(config);
    for (name, setting) in BOUNDED {
        let (_, script) = CONSTRUCTS.iter().find(|construct| construct.0 == *name).unwrap();
        let source = script(10_000);
        let error = checker.check_source(&source).expect_err(name);
        assert_eq!(error.kind, TaskErrorKind::Limit, "{name}: {error}");
        assert!(error.message.contains(&format!("EngineConfig::with_{setting}`")), "{name}: {error}");
        // A worker answers the same.
        assert_eq!(bench.error(&source), error, "{name}");
    }
}

#[test]
fn scripts_at_the_limits_are_good() {
    let names = |prefix: &str, count: usize, separator: &str| {
        (0..count).map(|i| format!("{prefix}{i}")).collect::<Vec<_>>().join(separator)
    };
    let lets = |count| (0..count).map(|i| format!("let v{i} = {i};")).collect::<String>();
    let (args, params) = (vec!["1"; 32].join(", "), names("p", 32, ", "));
    for source in [
        format!("fn f({params}) {{ p0 + p31 }} f({args})"),
        format!("let f = |{params}| p0 + p31; f.call({args})"),
        format!("{} let f = || {{ {} }}; f.call(); 2", lets(40), names("v", 32, ";")),
        // What a closure declares is not captured.
        format!("let f = || {{ {} v0 + v2 }}; f.call()", lets(200)),
        format!("let f = || {{ for i in 0..1 {{ {} }} 2 }}; f.call()", lets(200)),
        // Nor do names of properties, functions, modules and keys count.
        format!("let f = || {{ let x = #{{{}: 2}}; x.k0 }}; f.call()", names("k", 100, ": 2, ")),
        format!("fn g(x) {{ x }} let f = || {{ if false {{ {}() }} g(2) }}; f.call()", names("g", 100, "(); ")),
        // Two closures capture each its own.
        format!("{} let f = || [{}]; let g = || [{}]; f.call()[1] + g.call()[0] - 31", lets(64),
            names("v", 32, ", "), (32..64).map(|i| format!("v{i}")).collect::<Vec<_>>().join(", ")),
        // As many variables as there may be, and the same ones again in a block that begins when they are gone.
        format!("{{ {} }} {{ {} }} 2", lets(1_023), lets(1_023)),
        format!("{} 2", (0..3_000).map(|i| format!("let x = {i};")).collect::<String>()),
        format!("fn f() {{ {} 1 }} fn g() {{ {} 1 }} f() + g()", lets(700), lets(700)),
        // Properties of several maps.
        format!("[#{{{0}: 1, m: #{{{0}: 1}}}}, #{{{0}: 1}}].len()", names("k", 2_000, ": 1, ")),
        // Commas elsewhere.
        format!("[{}].len() - 98", vec!["1"; 100].join(", ")),
        format!("switch 5 {{ {} => 1, _ => 2 }}", (100..200).map(|i| i.to_string()).collect::<Vec<_>>().join(" | ")),
        // The operators that look like closures.
        "let a = 1; let b = 2; let m = #{x: 0}; (a | b) - 1 | m.x | [0][0] | if a == 1 || b == 7 { 0 } else { 1 }".to_owned(),
        "let a = Fn(`max`).curry(2); a.call(1)".to_owned(),
        "let a = curry(Fn(`max`), 2); a.call(1)".to_owned(),
    ] {
        assert_eq!(Bench::new().value(&source), "2", "{source}");
    }
}

#[test]
fn one_more_than_the_limit_is_refused() {
    let names = |count: usize, separator: &str| {
        (0..count).map(|i| format!("v{i}")).collect::<Vec<_>>().join(separator)
    };
    for source in [
        format!("print({})", vec!["1"; 33].join(", ")),
        format!("print({},)", vec!["1"; 33].join(", ")),
        format!("let x = [#{{a: print({})}}]", vec!["(1)"; 33].join(", ")),
        format!("`${{print({})}}`", vec!["1"; 33].join(", ")),
        format!("|{}| 1", names(33, ", ")),
        format!("let f = || {{ {} }};", names(33, ";")),
        format!("let f = || || || {{ {} }};", names(33, ";")),
        format!("let f = || [{}];", names(33, ",")),
        format!("let f = |x| if x {{ {} }};", names(33, ";")),
        format!("let f = || `${{{}}}`;", names(33, ";")),
        // Each name is used before there is a variable of that name.
        format!("let f = || {{ {} }};", (0..33).map(|i| format!("let v{i} = v{i};")).collect::<String>()),
        format!(
            "let f = || {{ {} }};",
            (0..33).map(|i| format!("for v{i} in v{i} {{}}")).collect::<String>()
        ),
        format!(
            "let f = || {{ {} }};",
            (0..33).map(|i| format!("{{ let v{i} = 1; }} v{i};")).collect::<String>()
        ),
        format!(
            "let f = || {{ {} }};",
            (0..33).map(|i| format!("try {{}} catch (v{i}) {{}} v{i};")).collect::<String>()
        ),
        format!("let f = || 1 + #{{}} | {};", names(33, " | ")),
        format!("let f = Fn(`x`); f.call({})", vec!["1"; 33].join(", ")),
    ] {
        let error = Bench::new().error(&source);
        assert!(
            error.kind == TaskErrorKind::Limit && error.message.contains("max_arguments"),
            "{source}: {error}"
        );
    }
}

#[test]
fn what_is_refused_in_a_case_of_a_switch_is_not_taken_for_a_bad_literal() {
    let source = format!("switch 1 {{ f({}) => 1 }}", vec!["1"; 40].join(", "));
    let error = Bench::new().error(&source);
    assert!(error.kind == TaskErrorKind::Limit && error.message.contains("max_arguments"), "{error}");
}

#[test]
fn parses_in_slices_are_kept_apart() {
    let bench = Bench::new();
    // Each is parsed in many slices, and has nearly as much as it may.
    let lets = repeat(12_000, |i| format!("let v{i} = 1;"));
    let source = format!("{lets} {} 1", repeat(60_000, |_| "v1 + v2;".into()));
    let mut runs: Vec<_> = (0..4).map(|n| bench.start(&format!("{source} + {n}"))).collect();
    let mut rounds = 0;
    let mut values = Vec::new();
    while !runs.is_empty() {
        rounds += 1;
        runs.retain_mut(|run| match run.poll() {
            Poll::Ready(Ran::Finished(Outcome::Completed(output), _)) => {
                values.push(output.to_string());
                false
            }
            Poll::Ready(other) => panic!("{other:?}"),
            Poll::Pending => true,
        });
    }
    values.sort();
    assert_eq!(values, ["1", "2", "3", "4"]);
    assert!(rounds > 1, "each was parsed in slices");
}

#[test]
fn what_a_failed_parse_had_does_not_count_for_the_next() {
    let bench = Bench::with(EngineConfig::new().with_allow_eval(true));
    let open = format!("f({}", vec!["1"; 30].join(", "));
    let source = format!(
        "let n = 0; for i in 0..3 {{ try {{ eval(`{open}`) }} catch {{ n += 1 }} }} n + eval(`[1, 2].len()`)"
    );
    assert_eq!(bench.value(&source), "5");
    let source = format!("eval(`f({})`)", vec!["1"; 33].join(", "));
    let error = bench.error(&source);
    assert!(error.kind == TaskErrorKind::Limit && error.message.contains("max_arguments"), "{error}");
}

#[test]
fn function_pointers_take_no_more_arguments_by_and_by() {
    let bench = Bench::new();
    for source in [
        "let f = Fn(`f`); loop { f = f.curry(1); }",
        "let f = Fn(`f`); loop { f = curry(f, 1, 2, 3); }",
        "let f = |x| x; loop { f = f.curry(1); }",
        "let m = #{f: Fn(`f`)}; loop { m.f = m.f.curry(1); }",
        "let a = [Fn(`f`)]; loop { a[0] = a[0].curry(1, 2); }",
        "let f = Fn(`f`); loop { let g = f; f = g?.curry(1); }",
    ] {
        let error = bench.error(source);
        assert_eq!(error.kind, TaskErrorKind::Limit, "{source}: {error}");
        assert!(error.message.contains("curried (limit: 32)"), "{source}: {error}");
    }
    // The word is not a name.
    for source in ["let curry = 1;", "fn curry(x) { x }", "|curry| 1", "for curry in [] {}"] {
        assert_eq!(bench.kind(source), TaskErrorKind::Parse, "{source}");
    }
}

#[test]
fn comment_without_an_end_is_an_error_at_its_beginning() {
    let bench = Bench::new();
    for (script, line, column) in [
        ("/* open", 1, 1),
        ("40 + 2 /* open\n\n", 1, 8),
        ("let a = 1;\n  /* open\nlet b = 2;", 2, 3),
        ("let a = 1; /* x */\n/* /* nested */", 2, 1),
        ("let a = 1 + /* open\n2", 1, 13),
        ("fn f() {\n 1 /* open\n}\nf()", 2, 4),
        ("f(/* open\n)", 1, 3),
    ] {
        let error = bench.error(script);
        assert_eq!(error.kind, TaskErrorKind::Parse, "{script}: {error}");
        assert!(error.message.starts_with("the comment that `/*` begins has no end"), "{script}: {error}");
        assert_eq!((error.line, error.column), (Some(line), Some(column)), "{script}");
    }
    for (script, value) in [
        ("/* a /* b */ c */ 1", "1"),
        ("\"/*\"", "\"/*\""),
        ("let a = `/* ${1} /*`; a.len()", "7"),
        ("1 // /*", "1"),
        ("/* a */ 1 /* b */", "1"),
    ] {
        assert_eq!(bench.value(script), value, "{script}");
    }
    for script in ["\"/*\" + ", "let = 1; // /*\n"] {
        let error = bench.error(script);
        assert!(!error.message.contains("comment"), "{script}: {error}");
    }
}
