//! Runs the examples of the reference.

use rhai_dispatcher_engine::{FunctionDoc, ModuleDoc};

/// Checks that each function of a module has an example, which calls it and gives what is written. `value` runs a script
/// and returns the JSON of its result.
pub(crate) fn check_examples(docs: &ModuleDoc, value: impl Fn(&str) -> String) {
    for doc in docs.iter() {
        check_example(doc, &value);
    }
}

fn check_example(doc: &FunctionDoc, value: impl Fn(&str) -> String) {
    assert!(doc.example.contains(doc.name), "{}: its example does not call it", doc.name);
    let result = value(doc.example);
    if !doc.gives.is_empty() {
        assert_eq!(result, doc.gives, "{}: {}", doc.name, doc.example);
    }
    for signature in doc.signatures {
        assert!(signature.contains(&format!("{}(", doc.name)), "{}: the form {signature}", doc.name);
    }
}
