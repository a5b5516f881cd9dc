//! Tasks that tasks have dispatched: they are noted in the record of their parent before they are submitted, and cancelled
//! after it. Parent and child may be of different worker ids, so that no script does both.

mod child_notes;
mod orphans;

pub(crate) use child_notes::{ChildNote, ChildNotes};
pub(crate) use orphans::{Orphans, cancel_orphans, keep_cancelling_orphans};
