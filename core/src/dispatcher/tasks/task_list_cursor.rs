use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::pass::Pass;
use crate::invalid::quoted;
use crate::{ActivityCursor, Invalid, TaskId, WallTime, WorkerId};

/// A place in a list of tasks. Its text is opaque: pass it on as it is, with the same filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskListCursor(pub(super) Place);

/// What is read next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Unfinished(UnfinishedPlace),
    /// Those that have ended, from there on.
    Ended(Option<ActivityCursor>),
}

/// A place among the tasks that have not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnfinishedPlace {
    /// When the list began, by the transport's clock.
    pub(super) begun: WallTime,
    pub(super) pass: Pass,
    pub(super) worker_id: WorkerId,
    /// The last task of the transport's page that was looked at; none before the first.
    pub(super) after: Option<TaskId>,
    /// Where that page begins, as the transport has written it; none at the beginning of the part.
    pub(super) from: Option<Arc<str>>,
}

/// What an ended list begins with.
const ENDED: &str = "ended";
/// Between the fields. Names, ids and numbers have none.
const BETWEEN: char = '~';

impl fmt::Display for TaskListCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Ended(None) => f.write_str(ENDED),
            Place::Ended(Some(cursor)) => write!(f, "{ENDED}{BETWEEN}{cursor}"),
            Place::Unfinished(UnfinishedPlace { begun, pass, worker_id, after, from }) => {
                let (pass, begun) = (pass.as_str(), begun.as_millis());
                write!(f, "{pass}{BETWEEN}{begun}{BETWEEN}{worker_id}{BETWEEN}")?;
                after.map_or(Ok(()), |after| write!(f, "{after}"))?;
                write!(f, "{BETWEEN}{}", from.as_deref().unwrap_or_default())
            }
        }
    }
}

impl FromStr for TaskListCursor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Place::parse(text).map(Self).ok_or_else(|| {
            let problem = format!("{} is not a place in a list of tasks", quoted(text));
            Invalid::new("cursor", problem, "pass on the `next` of a page as it is")
        })
    }
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let (first, rest) = text.split_once(BETWEEN).unzip();
        let (first, rest) = (first.unwrap_or(text), rest.unwrap_or_default());
        if first == ENDED {
            let cursor = if first.len() == text.len() { None } else { Some(rest.parse().ok()?) };
            return Some(Self::Ended(cursor));
        }
        let [begun, worker_id, after, from] = rest.splitn(4, BETWEEN).collect::<Vec<_>>()[..] else {
            return None;
        };
        Some(Self::Unfinished(UnfinishedPlace {
            begun: WallTime::from_millis(begun.parse().ok()?),
            pass: Pass::parse(first)?,
            worker_id: worker_id.parse().ok()?,
            after: if after.is_empty() { None } else { Some(after.parse().ok()?) },
            from: (!from.is_empty()).then(|| from.into()),
        }))
    }
}

impl TryFrom<String> for TaskListCursor {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<TaskListCursor> for String {
    fn from(cursor: TaskListCursor) -> Self {
        cursor.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_comes_back_as_it_was() {
        let place = UnfinishedPlace {
            begun: WallTime::from_millis(1_700_000_000_000),
            pass: Pass::Ready,
            worker_id: WorkerId::try_from("a-b.c_d").expect("an id"),
            after: None,
            from: None,
        };
        let later = UnfinishedPlace {
            after: Some(TaskId::new()),
            from: Some("2_1.5e+15_x~y".into()),
            ..place.clone()
        };
        let activity = "1700000000000-3-255-a-b".parse().expect("a cursor");
        for place in [
            Place::Unfinished(place),
            Place::Unfinished(later),
            Place::Ended(None),
            Place::Ended(Some(activity)),
        ] {
            let cursor = TaskListCursor(place);
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for bad in [
            "",
            "ready",
            "ended~",
            "ended~x",
            "ready~1~a~",
            "ready~x~a~~",
            "red~1~a~~",
            "ready~1~a b~~",
            "ready~1~a~x~",
        ] {
            assert_eq!(bad.parse::<TaskListCursor>().expect_err(bad).field, "cursor");
        }
    }
}
