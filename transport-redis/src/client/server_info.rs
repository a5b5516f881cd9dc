use std::sync::atomic::{AtomicBool, Ordering};

use super::{ClientError, Network, ServerReply};

/// What a server can do.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ServerInfo {
    /// Whether it has functions (Redis 7).
    pub(super) has_functions: bool,
    /// Whether it keeps an append-only file.
    pub(super) has_append_log: bool,
}

impl ServerInfo {
    /// Reads the answer to INFO before the server is trusted with tasks: a server that can't work is an error, a setting
    /// that may lose tasks is a warning.
    pub(super) fn parse(info: &ServerReply, network: &Network) -> Result<Self, ClientError> {
        let text = info.as_str().ok_or(ClientError::Unexpected("INFO"))?;
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        refuse_mode(field("redis_mode").or_else(|| field("server_mode")), network.demands.cluster)?;
        if field("loading") == Some("1") {
            return Err(ClientError::Demoted("LOADING the server is loading its data".into()));
        }
        let version =
            field("valkey_version").map(|_| (7, 2)).or_else(|| parse_version(field("redis_version")?));
        match version {
            Some(version) if version < (6, 2) => {
                return Err(ClientError::Refused(format!(
                    "the server is Redis {}.{}; 6.2 or newer is needed",
                    version.0, version.1
                )));
            }
            Some(version) if network.demands.waitaof && version < (7, 2) => {
                return Err(ClientError::Refused(format!(
                    "durability: WAITAOF needs Redis 7.2, the server is {}.{}",
                    version.0, version.1
                )));
            }
            Some(_) => {}
            None => warn(network, "Redis does not say its version; 6.2 or newer is needed"),
        }
        if field("role") == Some("slave") {
            return Err(ClientError::Demoted("READONLY the server is a replica".into()));
        }
        if field("maxmemory_policy").is_some_and(|policy| policy != "noeviction") {
            warn(network, "Redis may drop tasks when its memory is full: set maxmemory-policy to noeviction");
        }
        let has_append_log = field("aof_enabled") != Some("0");
        if network.demands.waitaof && !has_append_log {
            return Err(ClientError::Refused(
                "durability: fsynced needs an append-only file, and the server has none; set appendonly yes"
                    .into(),
            ));
        }
        if !has_append_log {
            warn_of_missing_append_log();
        }
        let has_functions = version.is_some_and(|version| version >= (7, 0));
        Ok(Self { has_functions, has_append_log })
    }

    /// Warns if the answer to CONFIG GET appendfsync is not `always`.
    pub(super) fn check_fsync_policy(policy: ServerReply, network: &Network) {
        if policy.into_array().get(1).and_then(|value| value.as_str()) != Some("always") {
            inform(
                network,
                "Redis may lose the last second of tasks when it dies: appendfsync is not always",
            );
        }
    }
}

/// Refuses what is not what the URL says.
fn refuse_mode(mode: Option<&str>, is_cluster: bool) -> Result<(), ClientError> {
    let problem = match mode {
        Some("cluster") if !is_cluster => {
            "the server is of a cluster; write redis-cluster://, or rediss-cluster:// for TLS"
        }
        Some("standalone") if is_cluster => {
            "the server is not of a cluster; write redis://, or rediss:// for TLS"
        }
        Some("sentinel") => {
            "the server is a Sentinel; write redis-sentinel://host:port/NAME with the name of its master"
        }
        _ => return Ok(()),
    };
    Err(ClientError::Refused(problem.into()))
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// Warns, for all connections once.
fn warn(network: &Network, warning: &str) {
    if network.log.admit(warning).is_some() {
        tracing::warn!("{warning}");
    }
}

/// Warns, once in a process: a worker has several handles, and one that is embedded may have many.
fn warn_of_missing_append_log() {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if !WARNED.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "Redis keeps no append-only file, so that tasks are lost when it dies: set `appendonly yes` in redis.conf, \
             and at once by `CONFIG SET appendonly yes`"
        );
    }
}

fn inform(network: &Network, fact: &str) {
    if network.log.admit(fact).is_some() {
        tracing::info!("{fact}");
    }
}
