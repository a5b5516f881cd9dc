use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use crate::client::{ClientError, Connection};
use crate::config::Durability;

/// Looks at a server before it is trusted with tasks: what can't work is an error, what may lose
/// tasks a warning. Whether it has functions.
pub(crate) async fn check_server(
    connection: &Connection,
    deadline: Instant,
    durability: Durability,
) -> Result<bool, ClientError> {
    let info = timeout_at(deadline, connection.command("INFO", Vec::new())).await;
    let info = info.map_err(|_| ClientError::Timeout("INFO was not answered".into()))??;
    let text = info.as_str().ok_or(ClientError::Unexpected("INFO"))?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    if field("loading") == Some("1") {
        return Err(ClientError::Lost("LOADING the server is loading its data".into()));
    }
    let version = field("valkey_version").map(|_| (7, 2)).or_else(|| parse_version(field("redis_version")?));
    match version {
        Some(version) if version < (6, 2) => {
            return Err(ClientError::Refused(format!(
                "the server is Redis {}.{}; 6.2 or newer is needed",
                version.0, version.1
            )));
        }
        Some(version) if matches!(durability, Durability::Fsynced { .. }) && version < (7, 2) => {
            return Err(ClientError::Refused(format!(
                "durability: WAITAOF needs Redis 7.2, the server is {}.{}",
                version.0, version.1
            )));
        }
        Some(_) => {}
        None => tracing::warn!("Redis does not say its version; 6.2 or newer is needed"),
    }
    if field("role") == Some("slave") {
        return Err(ClientError::Refused("READONLY the server is a replica".into()));
    }
    if field("maxmemory_policy").is_some_and(|policy| policy != "noeviction") {
        tracing::warn!("Redis may drop tasks when its memory is full: set maxmemory-policy to noeviction");
    }
    if field("aof_enabled") == Some("0") {
        tracing::info!("Redis keeps no append-only file: tasks that it accepted are lost with it");
    } else {
        let policy = vec![Bytes::from_static(b"GET"), Bytes::from_static(b"appendfsync")];
        if let Ok(Ok(answer)) = timeout_at(deadline, connection.command("CONFIG", policy)).await
            && answer.into_array().get(1).and_then(|value| value.as_str()) != Some("always")
        {
            tracing::info!("Redis may lose the last second of tasks when it dies: appendfsync is not always");
        }
    }
    Ok(version.is_some_and(|version| version >= (7, 0)))
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}
