//! Whatever a script does with a secret, it gets `[secret]`.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use rhai_dispatcher_core::Outcome;
use rhai_dispatcher_engine::{EngineConfig, Secret};
use support::Bench;

const KEY: &str = "sk_live_51xyzzy";

fn bench() -> Bench {
    Bench::with(
        EngineConfig::new()
            .with_allow_eval(true)
            .with_secret("STRIPE_API_KEY", Secret::new(KEY))
            .with_secret("OTHER", Secret::new("another"))
            .with_setup(|engine| {
                engine.register_fn("length_of_key", |key: Secret| {
                    i64::try_from(key.expose().len()).unwrap_or_default()
                });
                engine.register_fn("shout", |text: &str| text.to_uppercase());
            })
            .with_async_fn("post", |body: String| async move { body })
            .with_async_fn("post_any", |body: rhai::Dynamic| async move { format!("{body:?} {body}") })
            .with_async_fn("post_json", |body: serde_json::Value| async move { body.to_string() }),
    )
}

/// Each route by which a script may try to read the key, and what it gets.
const ROUTES: &[(&str, &str)] = &[
    ("STRIPE_API_KEY", r#""[secret]""#),
    ("let k = STRIPE_API_KEY; k", r#""[secret]""#),
    ("[STRIPE_API_KEY]", r#"["[secret]"]"#),
    ("#{k: STRIPE_API_KEY, l: [STRIPE_API_KEY]}", r#"{"k":"[secret]","l":["[secret]"]}"#),
    ("STRIPE_API_KEY.to_string()", r#""[secret]""#),
    ("STRIPE_API_KEY.to_debug()", r#""[secret]""#),
    ("`${STRIPE_API_KEY}`", r#""[secret]""#),
    (r#""" + STRIPE_API_KEY"#, r#""[secret]""#),
    (r#"STRIPE_API_KEY + """#, r#""[secret]""#),
    (r#"let s = ""; s += STRIPE_API_KEY; s"#, r#""[secret]""#),
    ("[STRIPE_API_KEY].to_string()", r#""[[secret]]""#),
    ("[STRIPE_API_KEY].to_debug()", r#""[[secret]]""#),
    ("#{k: STRIPE_API_KEY}.to_json()", r#""{\"k\":\"[secret]\"}""#),
    ("#{k: [#{l: STRIPE_API_KEY}]}.to_json()", r#""{\"k\":[{\"l\":\"[secret]\"}]}""#),
    ("[STRIPE_API_KEY].map(|k| `${k}`)", r#"["[secret]"]"#),
    (r#"[STRIPE_API_KEY].reduce(|sum, k| sum + k, "")"#, r#""[secret]""#),
    (r#"STRIPE_API_KEY == "sk_live_51xyzzy""#, "false"),
    (r#"STRIPE_API_KEY != "sk_live_51xyzzy""#, "true"),
    (r#""sk_live_51xyzzy" == STRIPE_API_KEY"#, "false"),
    (r#"[STRIPE_API_KEY].contains("sk_live_51xyzzy")"#, "false"),
    (r#"[STRIPE_API_KEY].index_of("sk_live_51xyzzy")"#, "-1"),
    (r#"switch STRIPE_API_KEY { "sk_live_51xyzzy" => 1, _ => 2 }"#, "2"),
    ("STRIPE_API_KEY == OTHER", "true"),
    ("STRIPE_API_KEY != OTHER", "false"),
    ("type_of(STRIPE_API_KEY)", r#""Secret""#),
    ("let m = (); try { throw STRIPE_API_KEY } catch (e) { m = `${e}` } m", r#""[secret]""#),
    ("fn f() { STRIPE_API_KEY } f()", r#""[secret]""#),
    ("let f = || STRIPE_API_KEY; f.call()", r#""[secret]""#),
    ("let k = STRIPE_API_KEY; let f = || k; f.call()", r#""[secret]""#),
    ("eval(\"STRIPE_API_KEY\")", r#""[secret]""#),
    ("post_json(#{})", r#""{}""#),
];

/// Those that end in an error.
const REFUSED: &[&str] = &[
    "throw STRIPE_API_KEY",
    "throw #{kind: STRIPE_API_KEY, message: STRIPE_API_KEY}",
    "throw [STRIPE_API_KEY]",
    "throw `no: ${STRIPE_API_KEY}`",
    "STRIPE_API_KEY.len",
    "STRIPE_API_KEY.len()",
    "STRIPE_API_KEY[0]",
    "STRIPE_API_KEY.chars()",
    "STRIPE_API_KEY.sub_string(0, 3)",
    "STRIPE_API_KEY < \"t\"; 1 / 0",
    "STRIPE_API_KEY > \"s\" || STRIPE_API_KEY >= OTHER; 1 / 0",
    "#{k: 1}[STRIPE_API_KEY]",
    "shout(STRIPE_API_KEY)",
    "\"sk_live_51xyzzy\".contains(STRIPE_API_KEY); 1 / 0",
    "\"sk_live_51xyzzy\".split(STRIPE_API_KEY); 1 / 0",
    "parse_int(STRIPE_API_KEY)",
    "parse_json(STRIPE_API_KEY)",
    "blob(3, STRIPE_API_KEY)",
    "eval(STRIPE_API_KEY)",
    "call(STRIPE_API_KEY)",
    "Fn(STRIPE_API_KEY)",
    "for c in STRIPE_API_KEY { print(c) }",
    "post(STRIPE_API_KEY)",
    "STRIPE_API_KEY()",
    "[OTHER, STRIPE_API_KEY].sort(|a, b| a - b); 1 / 0",
    "let m = Fn(\"missing\").curry(STRIPE_API_KEY); throw m",
];

#[test]
fn no_route_leads_to_the_bytes() {
    for (script, expected) in ROUTES {
        let value = bench().value(script);
        assert_eq!(value, *expected, "{script}");
        assert!(!value.contains(KEY) || script.contains(KEY), "{script}: {value}");
    }
}

#[test]
fn no_error_tells_the_bytes() {
    for script in REFUSED {
        let (outcome, log) = bench().run(script);
        let Outcome::Error(error) = outcome else { panic!("{script}: {outcome:?}") };
        let said = format!("{error:?} {error} {log:?}");
        assert!(!said.contains(KEY) || script.contains(KEY), "{script}: {said}");
        // Not even in parts.
        assert!(!said.replace(script, "").contains("xyzzy"), "{script}: {said}");
    }
    assert_eq!(bench().error("throw STRIPE_API_KEY").message, "[secret]");
}

#[test]
fn printing_logs_the_word_secret() {
    let script =
        "print(STRIPE_API_KEY); debug(STRIPE_API_KEY); print([STRIPE_API_KEY]); debug(#{k: STRIPE_API_KEY});
         print(`${#{k: STRIPE_API_KEY}}`); print(|x| STRIPE_API_KEY + x)";
    let (_, log) = bench().run(script);
    let text = format!("{log:?}");
    assert!(text.matches("[secret]").count() >= 4 && !text.contains("xyzzy"), "{text}");
}

#[test]
fn asynchronous_functions_that_take_values_get_no_bytes() {
    for script in ["post_any(STRIPE_API_KEY)", "post_any([STRIPE_API_KEY])", "post_any(#{k: STRIPE_API_KEY})"]
    {
        let value = bench().value(script);
        assert!(!value.contains("xyzzy"), "{script}: {value}");
    }
    for script in ["post_json(STRIPE_API_KEY)", "post_json(#{k: STRIPE_API_KEY})"] {
        let (outcome, _) = bench().run(script);
        assert!(!format!("{outcome:?}").contains("xyzzy"), "{script}: {outcome:?}");
    }
}

#[test]
fn a_function_that_takes_a_secret_sees_its_bytes() {
    assert_eq!(bench().value("length_of_key(STRIPE_API_KEY)"), KEY.len().to_string());
    assert_eq!(bench().value("fn f() { length_of_key(STRIPE_API_KEY) } f()"), KEY.len().to_string());
}

#[test]
fn a_secret_is_a_constant_that_a_script_may_hide() {
    assert_eq!(bench().value("let OTHER = 3; OTHER"), "3");
    assert_eq!(bench().value("fn f(OTHER) { OTHER } f(4)"), "4");
    let (outcome, _) = bench().run("STRIPE_API_KEY = 3; STRIPE_API_KEY");
    assert!(!format!("{outcome:?}").contains("xyzzy"), "{outcome:?}");
}

#[test]
fn debugging_the_configuration_tells_no_secret() {
    let config = EngineConfig::new().with_secret("K", Secret::new(KEY));
    assert!(!format!("{config:?} {:?} {}", Secret::new(KEY), Secret::new(KEY)).contains("xyzzy"));
}

#[test]
fn texts_of_others_are_redacted() {
    let secret = Secret::new(KEY);
    assert_eq!(secret.redact(&format!("Invalid key: {KEY}!")), "Invalid key: [secret]!");
    assert_eq!(Secret::new("").redact("abc"), "abc");
}

#[test]
fn an_error_of_a_module_reads_kind_and_message() {
    let error = bench().error(r#"throw #{kind: "refused", message: "not that host"}"#);
    assert_eq!(error.message, "refused: not that host");
}
