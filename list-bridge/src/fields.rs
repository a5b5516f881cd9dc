use rhai_dispatcher_core::WallTime;

/// A field of a client's hash that clients write and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FieldName {
    /// The name that is written.
    pub(crate) camel: &'static str,
    /// The other name that is read.
    pub(crate) snake: &'static str,
}

/// All of them, in the order of `docs/PROTOCOL.md`, which a test compares.
pub(crate) const FIELDS: [FieldName; 15] = [
    FieldName::new("taskId", "task_id"),
    FieldName::new("workerId", "worker_id"),
    FieldName::new("callerId", "caller_id"),
    FieldName::new("contextId", "context_id"),
    FieldName::new("script", "script"),
    FieldName::new("args", "args"),
    FieldName::new("priority", "priority"),
    FieldName::new("limits", "limits"),
    FieldName::new("traceparent", "traceparent"),
    FieldName::new("tracestate", "tracestate"),
    FieldName::new("status", "status"),
    FieldName::new("output", "output"),
    FieldName::new("error", "error"),
    FieldName::new("createdAt", "created_at"),
    FieldName::new("updatedAt", "updated_at"),
];

impl FieldName {
    const fn new(camel: &'static str, snake: &'static str) -> Self {
        Self { camel, snake }
    }

    /// The field with that name.
    pub(crate) fn of(camel: &str) -> Self {
        let known = FIELDS.into_iter().find(|field| field.camel == camel);
        known.unwrap_or_else(|| unreachable!("{camel} is in the table"))
    }
}

/// The time that a field has: RFC 3339, or milliseconds since the Unix epoch.
pub(crate) fn parse_time(text: &str) -> Option<WallTime> {
    let millis = text.parse().ok().map(WallTime::from_millis);
    millis.or_else(|| serde_json::from_value(text.into()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in the table of the protocol.
    fn documented() -> Vec<(String, String)> {
        let protocol = include_str!("../../docs/PROTOCOL.md");
        let (_, table) = protocol.split_once("| field | also read |").expect("a table of fields");
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        rows.map(|row| {
            let mut cells = row.split('|').skip(1).map(|cell| cell.trim().trim_matches('`').to_owned());
            let (camel, snake) = (cells.next().expect("a name"), cells.next().expect("a name"));
            let snake = if snake.is_empty() { camel.clone() } else { snake };
            (camel, snake)
        })
        .collect()
    }

    #[test]
    fn the_protocol_lists_every_field_that_clients_use() {
        let fields: Vec<_> =
            FIELDS.iter().map(|field| (field.camel.to_owned(), field.snake.to_owned())).collect();
        assert_eq!(documented(), fields);
    }

    #[test]
    fn times_are_text_or_milliseconds() {
        let time = WallTime::from_millis(1_700_000_000_123);
        for text in ["2023-11-14T22:13:20.123Z", "1700000000123"] {
            assert_eq!(parse_time(text), Some(time), "{text}");
        }
        assert_eq!(parse_time("yesterday"), None);
    }
}
