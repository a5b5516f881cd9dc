//! What replaces a function of Rhai's means the same.

use std::mem::discriminant;

use proptest::prelude::*;
use rhai::{Array, Dynamic, Engine, FLOAT, INT, Map, Scope};

/// Rhai's own, and ours; with limits so small that they matter, if `limited`.
fn engines(limited: bool) -> [Engine; 2] {
    let limited = || {
        let mut engine = Engine::new();
        if limited {
            engine.set_max_string_size(40).set_max_array_size(12).set_max_map_size(12);
        }
        engine
    };
    let mut ours = limited();
    super::register(&mut ours);
    super::super::collections::register(&mut ours);
    crate::script::register_text(&mut ours);
    crate::script::register_to_json(&mut ours);
    [limited(), ours]
}

thread_local! {
    static LIMITED: [Engine; 2] = engines(true);
    static UNLIMITED: [Engine; 2] = engines(false);
}

/// Evaluates the expression with both, and compares the values or the kinds of the errors, and what became of `s`.
fn check(expression: &str, variables: &[(&str, Dynamic)]) {
    LIMITED.with(|engines| check_with(engines, expression, variables));
}

/// The same without limits: Rhai refuses to compare or to print parts that are too large where we look at the whole.
fn check_unlimited(expression: &str, variables: &[(&str, Dynamic)]) {
    UNLIMITED.with(|engines| check_with(engines, expression, variables));
}

fn check_with(engines: &[Engine; 2], expression: &str, variables: &[(&str, Dynamic)]) {
    let [theirs, ours] = engines.each_ref().map(|engine| {
        let mut scope = Scope::new();
        for (name, value) in variables {
            scope.push_dynamic(*name, value.clone());
        }
        let result = engine.eval_with_scope::<Dynamic>(&mut scope, expression);
        (result, scope.get_value::<Dynamic>("s"))
    });
    let same = match (&theirs.0, &ours.0) {
        // As text, in which NaN is like NaN and 1 is not like 1.0.
        (Ok(theirs), Ok(ours)) => format!("{theirs:?}") == format!("{ours:?}"),
        (Err(theirs), Err(ours)) => {
            discriminant(theirs.unwrap_inner_ref()) == discriminant(ours.unwrap_inner_ref())
        }
        _ => false,
    };
    // What a string is after an error is of no use: the script has ended, or the limit would be next.
    let same_after = theirs.0.is_err() || format!("{:?}", theirs.1) == format!("{:?}", ours.1);
    assert!(same && same_after, "{expression} with {variables:?}: {theirs:?}, but here {ours:?}");
}

trait Inner {
    fn unwrap_inner_ref(&self) -> &Self;
}

impl Inner for rhai::EvalAltResult {
    fn unwrap_inner_ref(&self) -> &Self {
        match self {
            Self::ErrorInFunctionCall(_, _, inner, _) => inner.unwrap_inner_ref(),
            other => other,
        }
    }
}

/// Short texts of few characters, some of which take several bytes, so that separators are found.
fn text() -> impl Strategy<Value = String> {
    "[ab,é😀 \\n]{0,14}"
}

fn value() -> impl Strategy<Value = Dynamic> {
    let leaf = prop_oneof![
        Just(Dynamic::UNIT),
        any::<bool>().prop_map(Dynamic::from),
        (-2_i64..3).prop_map(Dynamic::from),
        prop_oneof![Just(FLOAT::NAN), Just(FLOAT::INFINITY), Just(-0.0), Just(1.0), Just(1e300)]
            .prop_map(Dynamic::from),
        "[aé]{0,2}".prop_map(Dynamic::from),
        prop_oneof![Just('a'), Just('é')].prop_map(Dynamic::from),
        Just(Dynamic::from_blob(vec![1, 2])),
        Just(rhai::FnPtr::new("f").expect("a name").into()),
        Just(Dynamic::from(0..2_i64)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|array: Array| Dynamic::from(array)),
            prop::collection::btree_map("[ab\"é]{0,1}", inner, 0..3).prop_map(|map| {
                map.into_iter().map(|(key, value)| (key.into(), value)).collect::<Map>().into()
            }),
        ]
    })
}

fn array() -> impl Strategy<Value = Dynamic> {
    prop::collection::vec(value(), 0..4).prop_map(|array: Array| Dynamic::from(array))
}

fn map() -> impl Strategy<Value = Dynamic> {
    prop::collection::btree_map("[ab\"é]{0,1}", value(), 0..3)
        .prop_map(|map| map.into_iter().map(|(key, value)| (key.into(), value)).collect::<Map>().into())
}

fn number() -> impl Strategy<Value = INT> {
    prop_oneof![-4_i64..20, Just(INT::MAX), Just(INT::MIN)]
}

proptest! {
    #[test]
    fn texts_are_taken_apart_alike(s in text(), by in "[ab,é😀]{0,2}", one in "[ab,é😀]", parts in number()) {
        let one = one.chars().next().unwrap_or('a');
        let variables = [("s", s.into()), ("by", by.into()), ("one", one.into()), ("n", parts.into())];
        for expression in [
            "s.split()", "s.split(by)", "s.split(one)", "s.split(by, n)", "s.split(one, n)", "s.split_rev(by)",
            "s.split_rev(one)", "s.split_rev(by, n)", "s.split_rev(one, n)", "s.to_chars()",
        ] {
            check(expression, &variables);
        }
    }

    #[test]
    fn texts_are_changed_alike(s in text(), find in "[ab,é😀]{0,2}", one in "[ab,é😀]", n in number(), m in number()) {
        let one = one.chars().next().unwrap_or('a');
        let variables = [
            ("s", s.into()), ("find", find.into()), ("one", one.into()), ("n", n.into()), ("m", m.into()),
        ];
        // Rhai's own never ends with nothing to pad with, and tries to build what is too long.
        let expressions = ["s.replace(find, `xyz`)", "s.replace(find, ``)", "s.replace(one, `xyz`)",
            "s.crop(n)", "s.crop(n, m)", "s.remove(one)", "s.pad(min(n, 60), one)", "if find != `` { s.pad(min(n, 60), find) }"];
        for expression in expressions {
            check(expression, &variables);
        }
        // What is too long ends a run, and there is none here.
        check_unlimited("s.to_debug()", &variables);
    }

    #[test]
    fn collections_are_compared_alike(a in array(), b in array(), x in map(), y in map(), v in value(), n in number()) {
        let variables = [
            ("a", a), ("b", b), ("x", x), ("y", y), ("v", v), ("n", n.into()),
        ];
        for expression in [
            "a == b", "a != b", "a == a", "a != a", "x == y", "x != y", "x == x", "a == x", "v == v", "[a, x] == [b, y]",
            "a.contains(v)", "v in a", "a.pad(min(n, 9), x); a", "a.pad(min(n, 9), v); a", "a.index_of(v)", "a.index_of(v, n)", "a.index_of(a[0])",
        ] {
            check_unlimited(expression, &variables);
        }
    }

    #[test]
    fn collections_are_printed_alike(a in array(), x in map()) {
        let variables = [("a", a), ("x", x)];
        for expression in [
            "a.to_string()", "x.to_string()", "a.to_debug()", "x.to_debug()", "`${a}`", "\"\" + x", "[a, x].to_string()",
            "blob(20, 7).to_string()", "blob(3, 255).to_debug()",
        ] {
            check_unlimited(expression, &variables);
        }
    }

    #[test]
    fn json_is_read_alike(x in json_object()) {
        check_unlimited("parse_json(s)", &[("s", x.into())]);
    }
}

fn json_object() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|i| i.to_string()),
        Just("1.5".to_owned()),
        Just("-2e3".to_owned()),
        r#""(a|b|é|\\n){0,3}""#.prop_map(|s: String| s),
    ];
    let json = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|v| format!("[{}]", v.join(","))),
            prop::collection::btree_map("[ab]{1,2}", inner, 0..3).prop_map(|m| {
                let fields: Vec<_> = m.into_iter().map(|(k, v)| format!("{k:?}: {v}")).collect();
                format!("{{{}}}", fields.join(", "))
            }),
        ]
    });
    prop::collection::btree_map("[ab]{1,2}", json, 0..3).prop_map(|m| {
        let fields: Vec<_> = m.into_iter().map(|(k, v)| format!("{k:?}: {v}")).collect();
        format!("{{{}}}", fields.join(", "))
    })
}
