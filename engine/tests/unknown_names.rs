//! What an error says of a function or a property that is not there.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use rhai_dispatcher_core::TaskErrorKind;
use rhai_dispatcher_engine::EngineConfig;
use support::Bench;

#[test]
fn unknown_function_names_the_nearest_known_one() {
    let (bench, _) = Bench::with_stubs(EngineConfig::new());
    for (script, ends) in [
        ("awiat_all([])", "; did you mean `await_all`?"),
        ("nap_asinc(1)", "; did you mean `nap_async`?"),
        ("\"a\".trimm()", "; did you mean `trim`?"),
        ("fn greet(x) { x } gret(1)", "; did you mean `greet`?"),
        ("fn f() { slep(1) } f()", "(in function `f`); did you mean `sleep`?"),
        ("[1].map(|x| prnit(x))", "; did you mean `print`?"),
    ] {
        let error = bench.error(script);
        assert_eq!(error.kind, TaskErrorKind::Runtime);
        assert!(
            error.message.starts_with("Function not found: ") && error.message.ends_with(ends),
            "{script}: {error}"
        );
    }
    for script in ["quuxify(1)", "let x = #{}; x < x", "xy()"] {
        let message = bench.error(script).message;
        assert!(!message.contains("did you mean"), "{script}: {message}");
    }
    let message = bench.error("sleep(\"x\", 2, 3)").message;
    assert!(message.ends_with("it is called as `sleep(seconds)`"), "{message}");
    let message = bench.error("fn greet(x) { x } greet()").message;
    assert!(message.ends_with("; there is a `greet` with other arguments"), "{message}");
}

#[test]
fn missing_property_is_unit_or_with_strict_properties_an_error() {
    let lenient = Bench::new();
    assert_eq!(lenient.value("args.nmae"), "null");
    let strict = Bench::with(EngineConfig::new().with_strict_properties(true));
    for (script, says) in [
        ("args.nmae", "Property not found: nmae; did you mean `name`? `map.get(\"nmae\")` is unit"),
        ("args[\"nmae\"]", "did you mean `name`?"),
        ("let order = #{total: 5}; order.totl", "did you mean `total`?"),
        ("let order = #{total: #{cents: 1}}; order.total.cent", "did you mean `cents`?"),
        ("fn f(x) { x.dep } f(args.n[2])", "did you mean `deep`?"),
        ("let order = #{total: 5}; order.nothing", "Property not found: nothing; `map.get(\"nothing\")`"),
    ] {
        let error = strict.error(script);
        assert_eq!(error.kind, TaskErrorKind::Runtime, "{script}");
        assert!(error.message.contains(says) && error.line == Some(1), "{script}: {error}");
    }
    for (script, value) in [
        ("args.name", "\"Ada\""),
        ("let m = #{}; m.a = 1; m[\"b\"] = 2; m.a + m.b", "3"),
        ("let m = #{}; m.get(\"a\")", "null"),
        ("\"a\" in #{}", "false"),
        ("let e = (); try { args.nmae } catch (x) { e = x.message } e", "\"Property not found: nmae\""),
    ] {
        assert_eq!(strict.value(script), value, "{script}");
    }
}

#[test]
fn unknown_variable_says_where_it_is() {
    let bench = Bench::new();
    for (script, says) in [
        ("fn f() { global::K } f()", "; `global::` has the constants that the script has defined"),
        ("global::K", "; `global::` has the constants that the script has defined"),
        ("let f = || global::K; f.call()", "before the call: `const K = …`"),
        ("let K = 1; fn f() { global::K } f()", "; `K` is a variable, and `global::` has constants only"),
        ("const KEY = 1; fn f() { global::KEZ } f()", "; did you mean `global::KEY`?"),
        ("f(); const K = 1; fn f() { global::K }", "before the call: `const K = …`"),
        ("const K = 1; fn f() { K } f()", "; in a function, the script's constant is `global::K`"),
        (
            "let total = 1; fn f() { total } f()",
            "; a function does not see the script's variables: pass `total`",
        ),
        ("let total = 1; totla + 1", "; did you mean `total`?"),
    ] {
        let error = bench.error(script);
        assert!(error.message.starts_with("Variable not found: "), "{script}: {error}");
        assert!(error.message.contains(says) && error.line == Some(1), "{script}: {error}");
    }
    assert_eq!(bench.error("quux").message, "Variable not found: quux");
    assert_eq!(bench.value("const K = 1; fn f() { global::K } f()"), "1");
}
