//! Deletes the libraries of scripts that versions left in the server which are not used any more.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use super::args::Args;
use super::caller::ScriptCaller;
use super::keys;
use super::script::{LIBRARY_PREFIX, Script};
use crate::client::{ClientError, ServerReply};

/// For how long a library is kept after it was used last. Each notes once a minute that it is in use.
///
/// One that is deleted too early is loaded again by the first client that misses it.
const KEPT: Duration = Duration::from_secs(60 * 60);

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
        let (connection, _) = self.link.get(deadline).await?;
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
        // By the server's clock, as the notes of use are.
        let time = connection.command("TIME", Vec::new(), deadline).await?.into_array();
        let seconds = time.first().and_then(ServerReply::as_u64).ok_or(ClientError::Unexpected("TIME"))?;
        let since = seconds.saturating_sub(KEPT.as_secs()) * 1_000;
        let mut used = Args::new();
        used.push(keys::libraries(&self.prefix)).push_display(since).push_static("+inf");
        let used = connection.command("ZRANGEBYSCORE", used.into_vec(), deadline).await?.into_array();
        let used: HashSet<_> = used.iter().filter_map(ServerReply::as_str).collect();
        let unused =
            names.iter().filter(|name| *name != Script::library_name() && !used.contains(name.as_str()));
        // In one go: there may be as many as there were updates.
        let deletes = unused.map(|name| {
            let mut delete = Args::new();
            delete.push_static("DELETE").push_copy(name);
            connection.command("FUNCTION", delete.into_vec(), deadline)
        });
        let deleted = join_all(deletes).await;
        // One that is not there was deleted by another worker.
        let count = deleted.iter().filter(|deleted| deleted.is_ok()).count();
        let mut forget = Args::new();
        forget.push(keys::libraries(&self.prefix)).push_static("-inf").push(format!("({since}"));
        connection.command("ZREMRANGEBYSCORE", forget.into_vec(), deadline).await?;
        Ok(count)
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
