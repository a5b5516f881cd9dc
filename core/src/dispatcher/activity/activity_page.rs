use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::invalid::quoted;
use crate::{ActivityEntry, ActivityPosition, Invalid, WorkerId};

/// Entries that match a filter, the one that was logged last first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ActivityPage {
    /// The entries. Those of different workers that ended within 250 ms may be out of the order of their ends.
    pub entries: Vec<ActivityEntry>,
    /// From where the next page continues. `None` if there is nothing more. A page that looked at
    /// [`MAX_READ`](Self::MAX_READ) entries may have few of them, or none, and a next page all the same.
    pub next: Option<ActivityCursor>,
}

impl ActivityPage {
    /// How many entries a page looks at, at most, unless [`look_at`](super::ActivityRequest::look_at) says otherwise.
    pub const MAX_READ: usize = 25_000;

    pub(super) const fn new(entries: Vec<ActivityEntry>, next: Option<ActivityCursor>) -> Self {
        Self { entries, next }
    }
}

/// A place in the activity of all worker ids. Its text is opaque: pass it on as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ActivityCursor {
    /// Where the last entry stands that was looked at.
    pub(super) position: ActivityPosition,
    /// Its worker id. Of several entries at one position those of lesser worker ids come first.
    pub(super) worker_id: WorkerId,
}

impl fmt::Display for ActivityCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.position, self.worker_id)
    }
}

impl FromStr for ActivityCursor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let cursor = || {
            let (behind_position, _) = text.match_indices('-').nth(2)?;
            let (position, worker_id) = text.split_at(behind_position);
            Some(Self { position: position.parse().ok()?, worker_id: worker_id[1..].parse().ok()? })
        };
        cursor().ok_or_else(|| {
            let problem = format!("{} is not a place in the activity", quoted(text));
            Invalid::new("cursor", problem, "pass on the `next` of a page as it is")
        })
    }
}

impl TryFrom<String> for ActivityCursor {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<ActivityCursor> for String {
    fn from(cursor: ActivityCursor) -> Self {
        cursor.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_comes_back_as_it_was() {
        let position = ActivityPosition { millis: 1_700_000_000_000, sequence: 3, index: 255 };
        let cursor = ActivityCursor { position, worker_id: WorkerId::try_from("a-b.c").expect("an id") };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for bad in ["", "1-2-3", "1-2-3-", "1-2-x-a", "-1-2-3-a", "1-2-4294967296-a", "1-2-3-all"] {
            assert_eq!(bad.parse::<ActivityCursor>().expect_err(bad).field, "cursor");
        }
    }
}
