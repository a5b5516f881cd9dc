use rhai_dispatcher_core::HandlerInfo;
use serde::{Deserialize, Serialize};

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
    /// Whether the file is served all the same, as its author may have meant it.
    #[serde(default)]
    pub is_warning: bool,
    /// Whether calls get the last version of the file that was good.
    pub serves_last_good: bool,
}

impl HandlerProblem {
    /// A problem without a position; of the folder, without a file.
    pub(crate) fn new(file: Option<String>, message: impl Into<String>) -> Self {
        let (kind, message) = ("invalid".to_owned(), message.into());
        Self { file, kind, message, line: None, column: None, is_warning: false, serves_last_good: false }
    }
}
