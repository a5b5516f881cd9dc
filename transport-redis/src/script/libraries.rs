//! Deletes the libraries of scripts that versions left in the server which are not used any more.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use rhai_dispatcher_core::lock;
use tokio::time::Instant;

use super::args::Args;
use super::caller::ScriptCaller;
use super::keys;
use super::known_scripts::time_of;
use super::script::{LIBRARY_PREFIX, Script};
use super::target::Target;
use crate::client::{ClientError, Linked, ServerReply};
use crate::slot::Slot;

/// For how long a library is kept after it was used last. Each notes once a minute that it is in use.
///
/// One that is deleted too early is loaded again by the first client that misses it.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// After how long it is noted again that the library is in use.
const NOTED_FOR: Duration = Duration::from_secs(60);

impl ScriptCaller {
    /// Deletes the libraries of other versions that no client with this prefix has used for an hour.
    pub(crate) async fn delete_unused_libraries(&self) {
        match self.try_delete_unused_libraries().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "script libraries of other versions were deleted from Redis"),
            // The next worker that starts tries again.
            Err(error) => tracing::debug!(%error, "unused script libraries could not be deleted"),
        }
    }

    async fn try_delete_unused_libraries(&self) -> Result<usize, ClientError> {
        let deadline = Instant::now() + self.timeout;
        let servers = self.links.all(deadline).await?;
        let counts = servers.iter().map(|server| self.delete_unused_at(server, deadline));
        Ok(join_all(counts).await.into_iter().collect::<Result<Vec<_>, _>>()?.iter().sum())
    }

    /// Deletes those of one server.
    async fn delete_unused_at(&self, server: &Linked, deadline: Instant) -> Result<usize, ClientError> {
        let connection = &server.connection;
        if !connection.has_functions() {
            return Ok(0);
        }
        let mut list = Args::new();
        list.push_static("LIST").push_static("LIBRARYNAME").push(format!("{LIBRARY_PREFIX}*"));
        let libraries = connection.command("FUNCTION", list.into_vec(), deadline).await?.into_array();
        let names: Vec<_> = libraries.into_iter().filter_map(name_of).filter(|name| is_ours(name)).collect();
        if names.iter().all(|name| name == Script::library_name()) {
            return Ok(0);
        }
        let used = self.used_libraries(deadline).await?;
        let unused =
            names.iter().filter(|name| *name != Script::library_name() && !used.contains(name.as_str()));
        // In one go: there may be as many as there were updates.
        let deletes = unused.map(|name| {
            let mut delete = Args::new();
            delete.push_static("DELETE").push_copy(name);
            connection.command("FUNCTION", delete.into_vec(), deadline)
        });
        // One that is not there was deleted by another worker.
        Ok(join_all(deletes).await.iter().filter(|deleted| deleted.is_ok()).count())
    }

    /// The libraries that were used lately; the notes of others are deleted.
    async fn used_libraries(&self, deadline: Instant) -> Result<HashSet<String>, ClientError> {
        let key = keys::libraries(&self.prefix);
        let server = self.links.get(Slot::of_key(&key), deadline).await?;
        // By the server's clock, as the notes of use are.
        let time = server.connection.command("TIME", Vec::new(), deadline).await?.into_array();
        let seconds = time.first().and_then(ServerReply::as_u64).ok_or(ClientError::Unexpected("TIME"))?;
        let since = seconds.saturating_sub(KEPT.as_secs()) * 1_000;
        let mut forget = Args::new();
        forget.push(key.clone()).push_static("-inf").push(format!("({since}"));
        server.checked(server.connection.command("ZREMRANGEBYSCORE", forget.into_vec(), deadline).await)?;
        let mut used = Args::new();
        used.push(key).push_static("0").push_static("-1");
        let used = server.checked(server.connection.command("ZRANGE", used.into_vec(), deadline).await)?;
        Ok(used.into_array().iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
    }

    /// Notes, once a minute, that the library is in use, at the time in front of that answer. Waits for no answer: a library
    /// that is deleted all the same is loaded again.
    pub(super) fn note_use(&self, target: &Target, reply: &[ServerReply]) {
        let Some(now) = reply.first().and_then(time_of) else { return };
        {
            let mut noted = lock(&self.use_noted);
            let is_recent = noted.is_some_and(|at| at.elapsed() < NOTED_FOR);
            if is_recent || !target.linked.connection.has_functions() {
                return;
            }
            *noted = Some(Instant::now());
        }
        let key = keys::libraries(&self.prefix);
        let (links, deadline) = (self.links.clone(), target.deadline);
        tokio::spawn(async move {
            let slot = Slot::of_key(&key);
            let mut args = Args::new();
            args.push(key).push_display(now).push_static(Script::library_name());
            let note = async {
                let server = links.get(slot, deadline).await?;
                server.checked(server.connection.command("ZADD", args.into_vec(), deadline).await)
            };
            if let Err(error) = note.await {
                tracing::debug!(%error, "the library of scripts could not be noted as in use");
            }
        });
    }
}

/// The name in an entry of FUNCTION LIST, which has names and values in turn.
fn name_of(entry: ServerReply) -> Option<String> {
    let mut values = entry.into_array().into_iter();
    while let (Some(field), Some(value)) = (values.next(), values.next()) {
        if field.as_str() == Some("library_name") {
            return value.as_str().map(str::to_owned);
        }
    }
    None
}

/// Whether a library is of this project: others may begin their names alike.
fn is_ours(name: &str) -> bool {
    let hash = name.strip_prefix(LIBRARY_PREFIX).unwrap_or_default();
    hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_libraries_of_this_project_are_looked_at() {
        assert!(is_ours(Script::library_name()));
        for other in ["rhai_", "rhai_helpers", "rhai_000000000000000g", "rhai_00000000000000000", "x"] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
