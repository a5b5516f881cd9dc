use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Json, MethodName};

/// A handler: methods with a part of their names in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HandlerInfo {
    /// The name: its methods are called `NAME.…`.
    pub name: String,
    /// What it is for; empty if that is not known.
    pub description: String,
    /// What its methods are.
    pub typ: HandlerType,
    /// The most calls of it that run at once on one instance; 0 means no limit.
    pub threads: usize,
    /// The methods, by name.
    pub methods: Vec<MethodInfo>,
    /// The file below the folder, such as `shop/prices.rhai`, if it is one.
    pub file: Option<String>,
}

/// What the methods of a handler are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum HandlerType {
    /// Rust functions.
    Native,
    /// Functions of a script in the folder.
    Script,
    /// Methods that every worker of this project has, such as `handlers.list`.
    BuiltIn,
    /// Calls without figures of their own, or a type that a later version has.
    #[serde(other)]
    Other,
}

/// A method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MethodInfo {
    /// The name.
    pub name: MethodName,
    /// What it does; empty if that is not known.
    pub description: String,
    /// In which forms it is called; one, but for functions of a script with the same name.
    pub forms: Vec<MethodForm>,
    /// The JSON schema of the parameters, if the method is a Rust function.
    pub schema: Option<Json>,
}

/// The parameters of a method.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MethodForm {
    /// In the order of their positions.
    pub parameters: Vec<ParameterInfo>,
    /// The line of the file in which the function begins, from 1.
    pub line: Option<u32>,
}

/// A parameter of a method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ParameterInfo {
    /// The name. One without a name is called by its position, from 1.
    pub name: String,
    /// Whether a call has to have it.
    pub required: bool,
    /// What it is; empty if that is not known.
    pub description: String,
    /// Its JSON schema, if it has a type.
    pub schema: Option<Json>,
}

impl HandlerType {
    /// The type as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Script => "script",
            Self::BuiltIn => "builtIn",
            Self::Other => "other",
        }
    }
}

impl HandlerInfo {
    /// A handler of this name and type, without methods.
    #[must_use]
    pub fn new(name: impl Into<String>, typ: HandlerType) -> Self {
        let (name, description) = (name.into(), String::new());
        Self { name, description, typ, threads: 0, methods: Vec::new(), file: None }
    }
}

impl MethodInfo {
    /// A method of this name, in these forms.
    #[must_use]
    pub const fn new(name: MethodName, forms: Vec<MethodForm>) -> Self {
        Self { name, description: String::new(), forms, schema: None }
    }
}

impl MethodForm {
    /// A form with these parameters; of a script's function, with its line.
    #[must_use]
    pub const fn new(parameters: Vec<ParameterInfo>, line: Option<u32>) -> Self {
        Self { parameters, line }
    }
}

impl ParameterInfo {
    /// A parameter, described as its schema says.
    #[must_use]
    pub fn new(name: &str, required: bool, schema: Option<&Value>) -> Self {
        let description = schema.and_then(|schema| schema.get("description")).and_then(Value::as_str);
        Self {
            name: name.to_owned(),
            required,
            description: description.unwrap_or_default().to_owned(),
            schema: schema.and_then(|schema| Json::of(schema).ok()),
        }
    }
}
