use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, Dynamic, Engine, EvalAltResult, FuncInfo, Scope};

use crate::docs::ModuleDoc;
use crate::nearest;
use crate::script::function::current_args;
use crate::script::parse::CURRY;
use crate::script::value::{Halt, Part, Walk};

/// What a script has that an unknown name may have been meant for.
pub(crate) struct Known<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) ast: &'a AST,
    pub(crate) docs: &'a [&'static ModuleDoc],
    /// The script's variables.
    pub(crate) variables: &'a Scope<'a>,
}

/// What is appended to the error of a function or a property that is not there: the name that may have been meant.
pub(crate) fn hint(error: &EvalAltResult, known: &Known<'_>) -> Option<String> {
    match error.unwrap_inner() {
        // Such as `htp_get (&str)`; names of modules and operators are of no use here.
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            let name = signature.split_once(" (").map_or(signature.as_str(), |(name, _)| name);
            function_hint(name, known)
        }
        EvalAltResult::ErrorPropertyNotFound(name, _) => Some(property_hint(name, known)),
        EvalAltResult::ErrorVariableNotFound(name, _) => variable_hint(name, error, known),
        _ => None,
    }
}

fn function_hint(name: &str, known: &Known<'_>) -> Option<String> {
    if !is_name(name) {
        return None;
    }
    let documented = known.docs.iter().flat_map(|docs| docs.iter()).find(|doc| doc.name == name);
    if let Some(doc) = documented {
        return Some(format!("; it is called as `{}`", doc.signatures.join("` or `")));
    }
    let own: BTreeSet<_> = known.ast.iter_functions().map(|function| function.name).collect();
    let registered = function_names(known.engine);
    if own.contains(name) || registered.contains(name) {
        return Some(format!("; there is a `{name}` with other arguments"));
    }
    // Of those that are as near, the script's own first.
    let own = own.iter().copied().filter(|name| is_name(name));
    let nearest = nearest(name, own.chain(registered.iter().map(String::as_str)))?;
    Some(format!("; did you mean `{nearest}`?"))
}

/// `error` is the whole one, with the functions that it comes from.
fn variable_hint(name: &str, error: &EvalAltResult, known: &Known<'_>) -> Option<String> {
    let global = name.strip_prefix("global::");
    let bare = global.unwrap_or(name);
    // Those that are defined outside of functions and blocks, as far as the script has got.
    let is_constant = known.variables.is_constant(bare);
    let in_function =
        matches!(error, EvalAltResult::ErrorInFunctionCall(name, ..) if !name.starts_with("anon$"));
    match (global, is_constant) {
        (Some(_), Some(false)) => Some(format!(
            "; `{bare}` is a variable, and `global::` has constants only: define it by `const {bare} = …`, or pass it to the \
             function as an argument"
        )),
        (Some(_), _) => {
            let constants =
                known.variables.iter_raw().filter(|(_, constant, _)| *constant).map(|(name, ..)| name);
            let meant = nearest(bare, constants).map(|name| format!("did you mean `global::{name}`? "));
            Some(format!(
                "; {}`global::` has the constants that the script has defined, outside of functions and blocks, before the \
                 call: `const {bare} = …`",
                meant.unwrap_or_default()
            ))
        }
        (None, Some(true)) if in_function => {
            Some(format!("; in a function, the script's constant is `global::{bare}`"))
        }
        (None, Some(false)) if in_function => Some(format!(
            "; a function does not see the script's variables: pass `{bare}` as an argument, or use a closure"
        )),
        (None, _) => {
            let names = known.variables.iter_raw().map(|(name, ..)| name);
            nearest(bare, names).filter(|_| !in_function).map(|name| format!("; did you mean `{name}`?"))
        }
    }
}

/// The names of all functions that scripts can call on an engine, operators and the like left out.
pub(crate) fn function_names(engine: &Engine) -> BTreeSet<String> {
    let names = engine.collect_fn_metadata(None, |function| Some(function.metadata.name.to_string()), true);
    // Calls of `curry` become calls of that one; scripts know it by the name of Rhai's.
    names.into_iter().filter(|name| is_name(name) && name != CURRY).collect()
}

/// The functions that scripts can call on an engine, each with the numbers of arguments that it takes.
pub(crate) fn function_arities(engine: &Engine) -> BTreeMap<String, BTreeSet<usize>> {
    let function =
        |function: FuncInfo<'_>| Some((function.metadata.name.to_string(), function.metadata.num_params));
    let mut arities: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for (name, count) in engine.collect_fn_metadata(None, function, true) {
        if is_name(&name) {
            arities.entry(name).or_default().insert(count);
        }
    }
    arities
}

/// Whether a script can write it as the name of a function. Rhai has `get$x` and the like for properties, and names of
/// closures.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The most values among which properties are looked for.
const MAX_VALUES: usize = 10_000;
/// The deepest of them.
const MAX_DEPTH: usize = 32;

fn property_hint(name: &str, known: &Known<'_>) -> String {
    let mut names = BTreeSet::new();
    let walk = Walk::new(MAX_DEPTH, MAX_VALUES);
    for (_, _, value) in known.variables.iter_raw() {
        // What is beyond the limit is left out.
        let _ = add_properties(&walk, value, &mut names);
    }
    if let Some(args) = current_args() {
        let _ = add_properties(&walk, &args, &mut names);
    }
    let meant = match nearest(name, names.iter().map(String::as_str)) {
        Some(nearest) => format!("did you mean `{nearest}`? "),
        None => String::new(),
    };
    format!("; {meant}`map.get({name:?})` is unit for a property that is missing")
}

fn add_properties(walk: &Walk, value: &Dynamic, names: &mut BTreeSet<String>) -> Result<(), Halt> {
    walk.visit(value, |part| match part {
        Part::Array(array) => array.iter().try_for_each(|value| add_properties(walk, value, names)),
        Part::Map(map) => map.iter().try_for_each(|(name, value)| {
            names.insert(name.to_string());
            add_properties(walk, value, names)
        }),
        _ => Ok(()),
    })
}
