use std::collections::BTreeMap;
use std::fmt::Display;

use bytes::Bytes;
use futures::future::join_all;

use super::args::Args;
use super::caller::ScriptCaller;
use super::script::Script;
use crate::client::{ClientError, ServerReply};
use crate::slot::Slot;

impl ScriptCaller {
    /// Runs a script that takes texts and then tasks, and answers for each of these: once for each slot, beside each other.
    /// The answers have the order of the tasks; an error of one slot is that of all.
    pub(crate) async fn run_for_tasks(
        &self,
        script: Script,
        head: &[Bytes],
        tasks: &[impl Display + Sync],
    ) -> Result<Vec<ServerReply>, ClientError> {
        self.for_tasks(script, head, tasks, true).await.into_iter().collect()
    }

    /// The same, with the error of a slot for each of its tasks, which is [`ClientError::Busy`] at once.
    pub(crate) async fn run_for_tasks_unless_busy(
        &self,
        script: Script,
        head: &[Bytes],
        tasks: &[impl Display + Sync],
    ) -> Vec<Result<ServerReply, ClientError>> {
        self.for_tasks(script, head, tasks, false).await
    }

    async fn for_tasks(
        &self,
        script: Script,
        head: &[Bytes],
        tasks: &[impl Display + Sync],
        repeats_if_busy: bool,
    ) -> Vec<Result<ServerReply, ClientError>> {
        let mut slots: BTreeMap<Slot, Vec<usize>> = BTreeMap::new();
        for (index, task) in tasks.iter().enumerate() {
            slots.entry(Slot::of(&self.prefix, task)).or_default().push(index);
        }
        let mut calls = Vec::with_capacity(slots.len());
        for indexes in slots.values() {
            let mut args = Args::new();
            for text in head {
                args.push(text.clone());
            }
            for index in indexes {
                args.push_display(&tasks[*index]);
            }
            let about = &tasks[indexes[0]];
            calls.push(async move {
                match repeats_if_busy {
                    true => self.run(script, about, args).await,
                    false => self.run_unless_busy(script, about, args).await,
                }
            });
        }
        let mut answers = Vec::with_capacity(tasks.len());
        for (indexes, replies) in slots.values().zip(join_all(calls).await) {
            let replies = replies.and_then(|replies| match replies.len() == indexes.len() + 1 {
                true => Ok(replies),
                false => Err(ClientError::Unexpected("a script for tasks")),
            });
            match replies {
                // Without the server's time.
                Ok(replies) => answers.extend(indexes.iter().zip(replies.into_iter().skip(1).map(Ok))),
                Err(error) => answers.extend(indexes.iter().map(|index| (index, Err(error.clone())))),
            }
        }
        answers.sort_by_key(|(index, _)| **index);
        answers.into_iter().map(|(_, reply)| reply).collect()
    }
}
