use std::collections::BTreeSet;

use rhai::{AST, Array, Dynamic, FnAccess, Map, Position};
use rhai_dispatcher_core::{Json, TaskError, TaskErrorKind};

use crate::nearest;

/// A call of a function that can be made.
#[derive(Debug)]
pub(crate) struct Bound {
    /// The values of the function's parameters, in its order.
    pub(crate) values: Vec<Dynamic>,
    /// Where its body begins.
    pub(crate) position: Position,
}

/// Finds the function of that name that has these parameters.
///
/// # Errors
/// Of kind `unknown_method` if the script has no such function, and of kind `bad_params`, with the name of the parameter,
/// if the parameters are not those of the function.
pub(crate) fn bind(ast: &AST, function: &str, params: &Json) -> Result<Bound, TaskError> {
    let mut forms: Vec<_> = ast
        .iter_fn_def()
        .filter(|form| form.name == function && form.access == FnAccess::Public && form.this_type.is_none())
        .map(|form| Form {
            names: form.params.iter().map(|name| name.as_str()).collect(),
            position: form.body.start_position(),
        })
        .collect();
    // Rhai has them in no order.
    forms.sort_by_key(|form| form.names.len());
    if forms.is_empty() {
        let message = format!("the script has no public function `{function}`");
        return Err(TaskError::new(TaskErrorKind::UnknownMethod, message));
    }
    let params =
        params.to::<Dynamic>().map_err(|error| bad(format!("the parameters can't be read: {error}")))?;
    if params.is_unit() {
        return by_position(&forms, function, Array::new());
    }
    match params.try_cast_result::<Map>() {
        Ok(named) => by_name(&forms, function, named),
        Err(params) => match params.try_cast_result::<Array>() {
            Ok(values) => by_position(&forms, function, values),
            Err(value) => by_position(&forms, function, vec![value]),
        },
    }
}

/// One of the functions of a name.
struct Form<'a> {
    /// The names of its parameters.
    names: Vec<&'a str>,
    position: Position,
}

fn by_position(forms: &[Form<'_>], function: &str, values: Array) -> Result<Bound, TaskError> {
    match forms.iter().find(|form| form.names.len() == values.len()) {
        Some(form) => Ok(Bound { values, position: form.position }),
        None => Err(bad(format!("{}, and the call has {}", takes(forms, function), values.len()))),
    }
}

fn by_name(forms: &[Form<'_>], function: &str, mut named: Map) -> Result<Bound, TaskError> {
    let fits = |form: &&Form<'_>| {
        form.names.len() == named.len() && form.names.iter().all(|name| named.contains_key(*name))
    };
    let Some(Form { names, position }) = forms.iter().find(fits) else {
        return Err(bad(misfit(forms, function, &named)));
    };
    let values = names.iter().map(|name| named.remove(*name).unwrap_or_default()).collect();
    Ok(Bound { values, position: *position })
}

/// Why no form of the function has just these parameters.
fn misfit(forms: &[Form<'_>], function: &str, named: &Map) -> String {
    let all: BTreeSet<&str> = forms.iter().flat_map(|form| &form.names).copied().collect();
    let takes = takes(forms, function);
    if let Some(unknown) = named.keys().find(|name| !all.contains(name.as_str())) {
        let shown: String = unknown.chars().take(64).collect();
        let meant = match nearest(unknown, all.iter().copied()) {
            Some(name) => format!("; did you mean `{name}`?"),
            None => String::new(),
        };
        return format!("the parameter `{shown}` is unknown{meant} ({takes})");
    }
    let missing = |names: &&Vec<&str>| names.iter().filter(|name| !named.contains_key(**name)).count();
    let nearest = forms.iter().map(|form| &form.names).min_by_key(missing).into_iter().flatten();
    match nearest.into_iter().find(|name| !named.contains_key(**name)) {
        Some(name) => format!("the parameter `{name}` is missing ({takes})"),
        None => format!("the parameters go together in no form of the method ({takes})"),
    }
}

/// Such as ``it is `charge(cents)` or `charge(cents, currency)` ``.
fn takes(forms: &[Form<'_>], function: &str) -> String {
    let forms: Vec<_> = forms.iter().map(|form| format!("`{function}({})`", form.names.join(", "))).collect();
    format!("it is {}", forms.join(" or "))
}

fn bad(message: String) -> TaskError {
    TaskError::new(TaskErrorKind::BadParams, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(params: &str) -> Result<String, String> {
        let script = "fn pay(cents) { } fn pay(cents, currency) { } private fn hidden() { } fn int.of() { }";
        let ast = rhai::Engine::new().compile(script).expect("it parses");
        let values = bind(&ast, "pay", &Json::parse(params).expect("JSON"));
        values.map(|bound| format!("{:?}", bound.values)).map_err(|error| error.message)
    }

    #[test]
    fn parameters_have_names_or_positions() {
        assert_eq!(bound(r#"{"cents":5}"#).as_deref(), Ok("[5]"));
        assert_eq!(bound(r#"{"currency":"eur","cents":5}"#).as_deref(), Ok(r#"[5, "eur"]"#));
        assert_eq!(bound("[5]").as_deref(), Ok("[5]"));
        assert_eq!(bound(r#"[5,"eur"]"#).as_deref(), Ok(r#"[5, "eur"]"#));
        assert_eq!(bound("5").as_deref(), Ok("[5]"));
    }

    #[test]
    fn errors_name_the_parameter() {
        let forms = "it is `pay(cents)` or `pay(cents, currency)`";
        let of = |params: &str| bound(params).expect_err(params);
        assert_eq!(
            of(r#"{"cent":5}"#),
            format!("the parameter `cent` is unknown; did you mean `cents`? ({forms})")
        );
        assert_eq!(of(r#"{"currency":"eur"}"#), format!("the parameter `cents` is missing ({forms})"));
        assert_eq!(of("null"), format!("{forms}, and the call has 0"));
        assert_eq!(of("[1,2,3]"), format!("{forms}, and the call has 3"));
        assert_eq!(of("{}"), format!("the parameter `cents` is missing ({forms})"));
        let deep = format!("{}{}", "[".repeat(127), "]".repeat(127));
        assert_eq!(of(&deep.replacen('[', "[1,2,", 1)), format!("{forms}, and the call has 3"));
    }

    #[test]
    fn private_functions_and_methods_of_types_are_not_called() {
        let ast = rhai::Engine::new().compile("private fn hidden() { } fn int.of() { }").expect("it parses");
        for name in ["hidden", "of", "other"] {
            let error = bind(&ast, name, &Json::null()).expect_err(name);
            assert_eq!(error.kind, TaskErrorKind::UnknownMethod);
        }
    }
}
