use std::fmt;
use std::str::FromStr;

use rhai_dispatcher::TaskId;
use rhai_dispatcher::list_bridge::ListId;

/// A task on the command line: by its id, or by an id that a client of the list protocol has chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TaskRef {
    /// The id of a task, or of a client that has chosen one of that form.
    Task(TaskId),
    /// An id of a client.
    List(ListId),
}

impl FromStr for TaskRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Task(id));
        }
        ListId::try_from(text)
            .map(Self::List)
            .map_err(|invalid| format!("{}; {}", invalid.problem, invalid.hint))
    }
}

impl fmt::Display for TaskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(id) => fmt::Display::fmt(id, f),
            Self::List(id) => fmt::Display::fmt(id, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_that_of_a_task_or_of_a_client() {
        let id = TaskId::new();
        assert_eq!(id.to_string().parse(), Ok(TaskRef::Task(id)));
        assert!(matches!("job-1".parse(), Ok(TaskRef::List(_))));
        let error = "a b".parse::<TaskRef>().expect_err("no id");
        assert!(error.contains("outside A-Z"), "{error}");
    }
}
