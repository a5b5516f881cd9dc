use rhai_dispatcher::dispatcher::{MethodStatus, ParameterInfo};
use rhai_dispatcher::task::Json;
use serde_json::{Map, Value, json};

use super::built_in::{BuiltIn, Parameter};
use super::play::is_reserved;
use super::{CallContext, Done, Params, handlers};
use crate::rpc::{Code, ErrorObject};

/// `rpc.discover`: an OpenRPC document of the methods that the caller may use.
pub(super) async fn discover(
    context: CallContext,
    params: Params,
    built_in: &[BuiltIn],
) -> Result<Done, ErrorObject> {
    params.none()?;
    let _permit = context.read_permit().await;
    let identity = &context.identity;
    let own = built_in.iter().filter(|method| identity.allows(method.access));
    let mut methods: Vec<Value> = own.map(describe_built_in).collect();
    let mut schemas = Map::new();
    for handler in handlers::visible(&context).await? {
        // A worker's method with a name that is reserved is called by `call`.
        for method in handler.methods.iter().filter(|method| !is_reserved(method.info.name.as_str())) {
            methods.push(describe(method, handler.worker_id.as_str(), &mut schemas));
        }
    }
    Done::of(&json!({
        "openrpc": "1.3.2",
        "info": { "title": "rhai-dispatcher", "version": env!("CARGO_PKG_VERSION") },
        "methods": methods,
        "components": { "schemas": schemas, "errors": errors() },
    }))
}

fn describe_built_in(method: &BuiltIn) -> Value {
    let params: Vec<_> = method.parameters.iter().map(describe_parameter).collect();
    json!({
        "name": method.name,
        "description": method.about,
        "paramStructure": "either",
        "params": params,
        "result": { "name": "result", "schema": {} },
        "x-needs": method.access.as_str(),
    })
}

fn describe_parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "description": parameter.about,
        "required": parameter.required,
        "schema": { "type": parameter.typ },
    })
}

/// A method of a worker. Of several forms it has the one with the most parameters, and those that all forms have are
/// required.
fn describe(method: &MethodStatus, worker_id: &str, schemas: &mut Map<String, Value>) -> Value {
    let name = method.info.name.as_str();
    let definitions = method.info.schema.as_ref().and_then(|schema| schema.to::<Value>().ok());
    if let Some(definitions) =
        definitions.as_ref().and_then(|schema| schema.get("$defs")).and_then(Value::as_object)
    {
        for (key, definition) in definitions {
            schemas.insert(format!("{name}.{key}"), within_document(definition.clone(), name));
        }
    }
    let forms = &method.info.forms;
    let longest = forms.iter().max_by_key(|form| form.parameters.len());
    let fewest = forms.iter().map(|form| form.parameters.len()).min().unwrap_or(0);
    let params = longest.into_iter().flat_map(|form| &form.parameters).enumerate();
    let params: Vec<_> = params
        .map(|(at, parameter)| describe_own(parameter, parameter.required && at < fewest, name))
        .collect();
    json!({
        "name": name,
        "description": method.info.description,
        "paramStructure": "either",
        "params": params,
        "result": { "name": "result", "schema": {} },
        "x-worker-id": worker_id,
    })
}

fn describe_own(parameter: &ParameterInfo, required: bool, method: &str) -> Value {
    let schema = parameter.schema.as_ref().and_then(|schema: &Json| schema.to::<Value>().ok());
    json!({
        "name": parameter.name,
        "description": parameter.description,
        "required": required,
        "schema": within_document(schema.unwrap_or_else(|| json!({})), method),
    })
}

/// A schema whose references to definitions of its method are to those of the document.
fn within_document(schema: Value, method: &str) -> Value {
    match schema {
        Value::Object(members) => {
            let members = members.into_iter().map(|(key, value)| match value {
                Value::String(target) if key == "$ref" => {
                    let moved = target.strip_prefix("#/$defs/");
                    let moved = moved.map(|name| format!("#/components/schemas/{method}.{name}"));
                    (key, Value::String(moved.unwrap_or(target)))
                }
                value => (key, within_document(value, method)),
            });
            Value::Object(members.collect())
        }
        Value::Array(values) => {
            Value::Array(values.into_iter().map(|value| within_document(value, method)).collect())
        }
        value => value,
    }
}

/// The error objects of this gateway, by name.
fn errors() -> Value {
    let errors = Code::ALL.iter().map(|(code, about)| {
        let error = json!({ "code": code.number(), "message": code.message(), "data": { "about": about } });
        (format!("{code:?}"), error)
    });
    Value::Object(errors.collect())
}
