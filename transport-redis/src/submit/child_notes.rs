use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use rhai_dispatcher_core::TaskId;
use rhai_dispatcher_tokio_bridge::TokioBridge;

use crate::batch::{BatchItem, BatchRequest, Batcher, ask_within_deadlines, by_script};
use crate::client::ClientError;
use crate::script::{Args, Script, ScriptCaller, answer_to};

/// Notes which tasks a task dispatches, in its record, so that they are cancelled with it.
#[derive(Debug)]
pub(crate) struct ChildNotes {
    batcher: Batcher<Change, ChildNote>,
}

/// What came of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChildNote {
    /// It is written, or the parent has no record in which it could be.
    Written,
    /// The parent is cancelled.
    ParentCancelled,
    /// The parent has as many children as it may.
    TooMany,
}

#[derive(Debug, Clone)]
struct Change {
    parent: TaskId,
    child: TaskId,
    /// Whether the child is noted, or struck off.
    is_noted: bool,
}

impl BatchRequest for Change {
    type Group = TaskId;

    fn group(&self) -> &TaskId {
        &self.parent
    }

    fn bytes(&self) -> usize {
        2 * size_of::<[u8; 36]>()
    }
}

impl ChildNotes {
    /// `max_children`: how many children a task may have.
    pub(crate) fn new(
        bridge: &TokioBridge,
        caller: &Arc<ScriptCaller>,
        timeout: Duration,
        max_children: usize,
    ) -> Self {
        let (why, caller) = (Arc::clone(caller), Arc::clone(caller));
        let batcher = Batcher::spawn(
            bridge,
            timeout,
            move || why.last_error(),
            move |batch| send(Arc::clone(&caller), max_children, batch),
            |item, error| item.answer(Err(error)),
        );
        Self { batcher }
    }

    /// Notes a child, which is not submitted yet. One that is not submitted after all does no harm there.
    pub(crate) async fn note(&self, parent: TaskId, child: TaskId) -> Result<ChildNote, ClientError> {
        self.batcher.ask(Change { parent, child, is_noted: true }).await
    }

    /// Strikes a child off that was not accepted.
    pub(crate) async fn strike(&self, parent: TaskId, child: TaskId) {
        if let Err(error) = self.batcher.ask(Change { parent, child, is_noted: false }).await {
            // It only counts as one of the children.
            tracing::debug!(%error, "{child} could not be struck off the children of {parent}");
        }
    }
}

async fn send(caller: Arc<ScriptCaller>, max_children: usize, batch: Vec<BatchItem<Change, ChildNote>>) {
    let caller = &*caller;
    let parents = by_script(batch).into_iter();
    let parts = parents.flat_map(|(parent, scripts)| scripts.into_iter().map(move |items| (parent, items)));
    join_all(parts.map(|(parent, items)| send_part(caller, max_children, parent, items))).await;
}

async fn send_part(
    caller: &ScriptCaller,
    max_children: usize,
    parent: TaskId,
    items: Vec<BatchItem<Change, ChildNote>>,
) {
    let attempt = |changes: Vec<Change>, deadline| async move {
        let mut args = Args::new();
        args.push_display(max_children);
        for change in changes {
            args.push_display(parent).push_display(change.child).push_static(if change.is_noted {
                "+"
            } else {
                "-"
            });
        }
        caller.run_until(Script::Children, parent, args, deadline).await
    };
    ask_within_deadlines(items, caller.timeout, attempt, |index, item, answer| {
        item.answer(answer.and_then(|replies| parse(answer_to(index, replies))));
    })
    .await;
}

fn parse(answer: Option<&str>) -> Result<ChildNote, ClientError> {
    match answer {
        Some("w") => Ok(ChildNote::Written),
        Some("k") => Ok(ChildNote::ParentCancelled),
        Some("m") => Ok(ChildNote::TooMany),
        Some(text) if text.starts_with('e') => Err(ClientError::of_server(&text[1..])),
        _ => Err(ClientError::Unexpected("a note of a child")),
    }
}
