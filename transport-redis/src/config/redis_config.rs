use std::path::PathBuf;
use std::time::Duration;

use rhai_dispatcher_core::{Invalid, Secret, TransportConfig, TransportUrl, UrlParameters};
use rhai_dispatcher_tokio_bridge::TokioBridge;

use super::Durability;
use crate::client::ServerUrl;

/// Where the server is, and how it is used.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RedisConfig {
    /// - `redis://[user[:password]@]host[:port][/database]`: a server;
    /// - `rediss://…`: the same over TLS 1.2 or 1.3;
    /// - `redis+unix:///path/to/socket[?db=database]`: a server on this machine;
    /// - `redis-sentinel://[user[:password]@]host[:port][,host[:port]…]/master[/database]`: the master of that name, which
    ///   these Sentinels know; `rediss-sentinel://…` over TLS. The user is that of the master.
    ///
    /// Behind a `?` it may have settings by the names of the fields here and in [`TransportConfig`], such as
    /// `?prefix=shop&call_timeout=2s`. [`from_url`](Self::from_url) reads them, and so does
    /// [`RedisTransport::new`](crate::RedisTransport::new): then they replace the values here.
    pub url: TransportUrl,
    /// What all keys begin with; processes with the same prefix share their queues. Default: `rhailib`.
    pub prefix: String,
    /// How long a call may take until it fails as unavailable. Default: 5 s. A connection that leaves an answer out for
    /// half of this time is replaced by a new one if that is quicker; for renewals a third of the lease, if that is
    /// less.
    pub call_timeout: Duration,
    /// What has to hold before a submit or a finish counts. Default: [`Durability::Server`]. With another one, submits
    /// and finishes have a connection of their own.
    pub durability: Durability,
    /// How long the events of a running task are kept after the last: what it prints, and its progress. Default: 1 h. They
    /// are kept for 60 s after the outcome, which has the printed lines in its log.
    pub events_ttl: Duration,
    /// The time between two reads of the records of all awaited tasks, in case a message was lost. Default: 30 s.
    pub recheck_interval: Duration,
    /// How many awaited tasks are remembered for an [`outcome`](rhai_dispatcher_core::Transport::outcome)
    /// that is not asked for yet; the outcome of a forgotten one is looked up. Default: 100,000.
    pub awaited_limit: usize,
    /// The largest task, in bytes of its encoded form. Default: 64 MiB.
    pub max_task_bytes: usize,
    /// The largest outcome, in bytes of its fields: a task with a larger one ends in an error of kind `limit`.
    /// Default: 64 MiB; the server itself takes 512 MiB at most.
    pub max_outcome_bytes: usize,
    /// The largest outcome that is sent to a waiting submitter, in bytes. A submitter is only told of a larger outcome,
    /// and reads the record. Default: 64 KiB.
    pub max_message_bytes: usize,
    /// A PEM file with the certificates of the authorities that may have signed that of the server; no others are trusted
    /// then. Default: none, and the authorities that the system trusts.
    pub tls_ca: Option<PathBuf>,
    /// A PEM file with the certificate that the client shows, and those that lead to its authority. Default: none.
    pub tls_cert: Option<PathBuf>,
    /// A PEM file with the private key of [`tls_cert`](Self::tls_cert).
    pub tls_key: Option<PathBuf>,
    /// The name that the server's certificate has to be for. Default: the host of the URL; with Sentinels the host that
    /// they name for the master, and for each Sentinel its own.
    pub tls_server_name: Option<String>,
    /// The user of the Sentinels, if they have users. Default: none.
    pub sentinel_user: Option<String>,
    /// The password of the Sentinels. Default: none.
    pub sentinel_password: Option<Secret>,
    /// The settings of every transport. All processes that share a prefix should use the same.
    pub transport: TransportConfig,
    /// Where the client runs. Default: a thread of its own.
    pub bridge: Option<TokioBridge>,
}

/// An answer that comes sooner is never overdue: a process that is busy may take as long to read it.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(50);

impl RedisConfig {
    /// The defaults, for the server at `url`.
    #[must_use]
    pub fn new(url: impl Into<TransportUrl>) -> Self {
        Self {
            url: url.into(),
            prefix: "rhailib".into(),
            call_timeout: Duration::from_secs(5),
            durability: Durability::default(),
            events_ttl: Duration::from_secs(60 * 60),
            recheck_interval: Duration::from_secs(30),
            awaited_limit: 100_000,
            max_task_bytes: 64 * 1024 * 1024,
            max_outcome_bytes: 64 * 1024 * 1024,
            max_message_bytes: 64 * 1024,
            tls_ca: None,
            tls_cert: None,
            tls_key: None,
            tls_server_name: None,
            sentinel_user: None,
            sentinel_password: None,
            transport: TransportConfig::default(),
            bridge: None,
        }
    }

    /// The defaults, with the settings in the query of `url`.
    ///
    /// # Errors
    /// If the URL or a setting makes no sense, or a parameter is unknown.
    pub fn from_url(url: impl Into<TransportUrl>) -> Result<Self, Invalid> {
        Self::new(url).resolved()
    }

    /// The same with the settings in the query of its URL, which then has none.
    ///
    /// # Errors
    /// As [`from_url`](Self::from_url).
    pub fn resolved(mut self) -> Result<Self, Invalid> {
        let (server, mut parameters) = UrlParameters::split("redis_url", self.url.as_str())?;
        let mut server = server.to_owned();
        // Before the parameters: what an error shows of them could be a part of a password in the wrong place.
        ServerUrl::parse(&server)?;
        if ServerUrl::is_socket(&server)
            && let Some(database) = parameters.take::<u32>("db")?
        {
            server.push_str(&format!("?db={database}"));
            ServerUrl::parse(&server)?;
        }
        self.url = server.into();
        self.set_from(&mut parameters)?;
        self.transport.set_from(&mut parameters)?;
        parameters.finish(Self::SETTINGS.iter().chain(TransportConfig::SETTINGS).copied())?;
        self.check()?;
        Ok(self)
    }

    /// Sets [`prefix`](Self::prefix).
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets [`call_timeout`](Self::call_timeout).
    #[must_use]
    pub fn with_call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// Sets [`durability`](Self::durability).
    #[must_use]
    pub fn with_durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets [`events_ttl`](Self::events_ttl).
    #[must_use]
    pub fn with_events_ttl(mut self, ttl: Duration) -> Self {
        self.events_ttl = ttl;
        self
    }

    /// Sets [`recheck_interval`](Self::recheck_interval).
    #[must_use]
    pub fn with_recheck_interval(mut self, interval: Duration) -> Self {
        self.recheck_interval = interval;
        self
    }

    /// Sets [`awaited_limit`](Self::awaited_limit).
    #[must_use]
    pub fn with_awaited_limit(mut self, tasks: usize) -> Self {
        self.awaited_limit = tasks;
        self
    }

    /// Sets [`max_task_bytes`](Self::max_task_bytes).
    #[must_use]
    pub fn with_max_task_bytes(mut self, bytes: usize) -> Self {
        self.max_task_bytes = bytes;
        self
    }

    /// Sets [`max_outcome_bytes`](Self::max_outcome_bytes).
    #[must_use]
    pub fn with_max_outcome_bytes(mut self, bytes: usize) -> Self {
        self.max_outcome_bytes = bytes;
        self
    }

    /// Sets [`max_message_bytes`](Self::max_message_bytes).
    #[must_use]
    pub fn with_max_message_bytes(mut self, bytes: usize) -> Self {
        self.max_message_bytes = bytes;
        self
    }

    /// Sets [`tls_ca`](Self::tls_ca).
    #[must_use]
    pub fn with_tls_ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.tls_ca = Some(file.into());
        self
    }

    /// Sets [`tls_cert`](Self::tls_cert).
    #[must_use]
    pub fn with_tls_cert(mut self, file: impl Into<PathBuf>) -> Self {
        self.tls_cert = Some(file.into());
        self
    }

    /// Sets [`tls_key`](Self::tls_key).
    #[must_use]
    pub fn with_tls_key(mut self, file: impl Into<PathBuf>) -> Self {
        self.tls_key = Some(file.into());
        self
    }

    /// Sets [`tls_server_name`](Self::tls_server_name).
    #[must_use]
    pub fn with_tls_server_name(mut self, name: impl Into<String>) -> Self {
        self.tls_server_name = Some(name.into());
        self
    }

    /// Sets [`sentinel_user`](Self::sentinel_user).
    #[must_use]
    pub fn with_sentinel_user(mut self, user: impl Into<String>) -> Self {
        self.sentinel_user = Some(user.into());
        self
    }

    /// Sets [`sentinel_password`](Self::sentinel_password).
    #[must_use]
    pub fn with_sentinel_password(mut self, password: impl Into<Secret>) -> Self {
        self.sentinel_password = Some(password.into());
        self
    }

    /// Sets [`transport`](Self::transport).
    #[must_use]
    pub fn with_transport(mut self, transport: TransportConfig) -> Self {
        self.transport = transport;
        self
    }

    /// Sets [`bridge`](Self::bridge).
    #[must_use]
    pub fn with_bridge(mut self, bridge: TokioBridge) -> Self {
        self.bridge = Some(bridge);
        self
    }

    /// After how long an answer to a call is overdue, so that a dead connection leaves the call the time to be made
    /// on another one.
    pub(crate) fn patience(&self) -> Duration {
        (self.call_timeout / 2).max(SHORTEST_PATIENCE)
    }

    /// After how long an answer to a renewal is overdue: soon enough for two more before the lease is over.
    pub(crate) fn renewal_patience(&self) -> Duration {
        (self.transport.lease / 3).max(SHORTEST_PATIENCE).min(self.patience())
    }

    /// How long a renewal may take: a later one is of a lease that has run out.
    pub(crate) fn renewal_timeout(&self) -> Duration {
        self.transport.lease.min(self.call_timeout)
    }

    fn check(&self) -> Result<(), Invalid> {
        /// A prefix stands in every key.
        const MAX_PREFIX: usize = 64;
        let prefix = &self.prefix;
        if prefix.is_empty()
            || prefix.len() > MAX_PREFIX
            || !prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte))
        {
            return Err(Invalid::new(
                "prefix",
                format!("{prefix:?} can't begin a key"),
                "use 1 to 64 of A-Z a-z 0-9 . _ - :",
            ));
        }
        self.transport.check()?;
        for (field, time) in [
            ("call_timeout", self.call_timeout),
            ("events_ttl", self.events_ttl),
            ("recheck_interval", self.recheck_interval),
            ("durability", self.durability.timeout().unwrap_or(self.call_timeout)),
        ] {
            TransportConfig::check_time(field, time)?;
        }
        Ok(())
    }
}

/// The settings that a URL can have beside those of [`TransportConfig`], by the names of their fields.
macro_rules! url_settings {
    ($($name:ident,)*) => {
        impl RedisConfig {
            /// The names of the settings that only Redis has: of the fields, of the parameters of a URL and of the methods
            /// of builders.
            pub const SETTINGS: &[&str] = &[$(stringify!($name)),*];

            fn set_from(&mut self, parameters: &mut UrlParameters) -> Result<(), Invalid> {
                $(parameters.set(stringify!($name), &mut self.$name)?;)*
                Ok(())
            }
        }
    };
}

url_settings! {
    prefix,
    call_timeout,
    durability,
    events_ttl,
    recheck_interval,
    awaited_limit,
    max_task_bytes,
    max_outcome_bytes,
    max_message_bytes,
    tls_ca,
    tls_cert,
    tls_key,
    tls_server_name,
    sentinel_user,
    sentinel_password,
}
