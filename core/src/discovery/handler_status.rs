use serde::{Deserialize, Serialize};

use super::{HandlerType, MethodInfo};
use crate::{Figures, InstanceId, WorkerId};

/// A handler that living instances of a worker id have, with what was counted of its calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HandlerStatus {
    /// The worker id. Two worker ids with a handler of the same name have an entry each.
    pub worker_id: WorkerId,
    /// The name: its methods are called `NAME.…`. `*` stands for calls without figures of their own.
    pub name: String,
    /// What it is for; empty if that is not known.
    pub description: String,
    /// What its methods are.
    pub typ: HandlerType,
    /// The most calls of it that run at once on one instance; 0 means no limit.
    pub threads: usize,
    /// The file below the instance's folder, such as `shop/prices.rhai`, if it is one.
    pub file: Option<String>,
    /// The instances that have it.
    pub instances: Vec<InstanceId>,
    /// The methods, by name.
    pub methods: Vec<MethodStatus>,
    /// The figures of all its methods together.
    pub figures: Figures,
}

/// A method that living instances of a worker id have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MethodStatus {
    /// What it is, as the instance says that was started last.
    #[serde(flatten)]
    pub info: MethodInfo,
    /// The instances that have it. While a new version is rolled out these may be some of those of the handler.
    pub instances: Vec<InstanceId>,
    /// Its figures, over all instances of the worker id, past ones included.
    pub figures: Figures,
}
