use rhai_dispatcher_core::{Json, MethodName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a worker can be called for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HandlersInfo {
    /// The handlers, by name.
    pub handlers: Vec<HandlerInfo>,
    /// What is wrong with files of the folder, or with the folder; by file.
    pub problems: Vec<HandlerProblem>,
}

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

/// What is wrong with a file of the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HandlerProblem {
    /// The file below the folder, such as `shop/prices.rhai`; `None` if it is the folder.
    pub file: Option<String>,
    /// What sort of problem: `parse` or `limit` of a script, as in the error of a task, and else `invalid`.
    pub kind: String,
    /// What is wrong, in words.
    pub message: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The column in that line, from 1, in characters.
    pub column: Option<u32>,
    /// Whether calls get the last version of the file that was good.
    pub serves_last_good: bool,
}

impl HandlerProblem {
    /// A problem without a position; of the folder, without a file.
    pub(crate) fn new(file: Option<String>, message: impl Into<String>) -> Self {
        let (kind, message) = ("invalid".to_owned(), message.into());
        Self { file, kind, message, line: None, column: None, serves_last_good: false }
    }
}

impl HandlerType {
    /// The type as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Script => "script",
        }
    }
}

impl ParameterInfo {
    pub(crate) fn new(name: &str, required: bool, schema: Option<&Value>) -> Self {
        let description = schema.and_then(|schema| schema.get("description")).and_then(Value::as_str);
        Self {
            name: name.to_owned(),
            required,
            description: description.unwrap_or_default().to_owned(),
            schema: schema.and_then(|schema| Json::of(schema).ok()),
        }
    }
}
