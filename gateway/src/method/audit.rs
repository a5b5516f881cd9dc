use serde::Deserialize;
use serde_json::{Value, json};

use super::built_in::Parameter;
use super::params::invalid_field;
use super::{CallContext, Done, Params};
use crate::rpc::ErrorObject;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    before: Option<u64>,
    limit: Option<usize>,
}

/// The parameters of `audit.list`.
pub(super) const OF_LIST: &[Parameter] = &[
    Parameter::optional("before", "integer", "Only entries before this number, which is that of an entry."),
    Parameter::optional("limit", "integer", "The most entries. Default: 100."),
];

/// `audit.list`: who did what and when, the newest first.
pub(super) async fn list(context: CallContext, params: Params) -> Result<Done, ErrorObject> {
    /// Entries of a page, unless it says so.
    const LIMIT: usize = 100;
    let Page { before, limit } = params.read(&["before", "limit"])?;
    let (limit, max) = (limit.unwrap_or(LIMIT), context.core.config.max_listed);
    if limit > max {
        return Err(invalid_field("limit", format!("{limit} is above {max} (max_listed)")));
    }
    let entries = context.core.audit.list(before, limit).into_iter().map(|(number, entry)| {
        let mut value = json!(*entry);
        value["number"] = json!(number);
        value
    });
    Done::of(&entries.collect::<Vec<Value>>())
}
