use std::fmt;
use std::time::Duration;

use fred::types::RespVersion;
use fred::types::config::Config;
use rhai_dispatcher_core::Invalid;
use tokio::time::Instant;

use super::dial::at;
use super::sentinels::Sentinels;
use super::server_url::Place;
use super::tls::{refuse_settings, tls};
use super::{ClientError, ServerUrl};
use crate::config::RedisConfig;

/// A server, and the user of its connections.
#[derive(Clone)]
pub(crate) struct Endpoint {
    target: Target,
    /// How long connecting may take.
    timeout: Duration,
}

#[derive(Clone)]
enum Target {
    /// The server of the URL.
    Server(Box<Config>),
    /// The server that Sentinels name.
    Master(Box<Sentinels>),
}

impl fmt::Debug for Endpoint {
    /// Without its target, which has the passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// A server. Connecting may take `timeout`.
    pub(super) fn server(server: Config, timeout: Duration) -> Self {
        Self { target: Target::Server(Box::new(server)), timeout }
    }

    /// The server that Sentinels name, which `server` says all but the address of.
    pub(super) fn master(
        config: &RedisConfig,
        name: String,
        sentinels: Vec<(String, u16)>,
        server: Config,
    ) -> Self {
        let (username, password) = (
            config.sentinel_user.clone(),
            config.sentinel_password.as_ref().map(|password| password.expose().to_owned()),
        );
        let login = Config { username, password, database: None, ..server.clone() };
        let sentinels = sentinels.into_iter().map(|(host, port)| at(login.clone(), host, port, None));
        let tls_name = config.tls_server_name.clone();
        let sentinels = Sentinels::new(name, sentinels.collect(), server, tls_name);
        Self { target: Target::Master(Box::new(sentinels)), timeout: config.call_timeout }
    }

    /// Where the next connection goes. With Sentinels, they are asked; what that meets is `explained` if it is an error.
    pub(super) async fn locate(&self, explained: bool, deadline: Instant) -> Result<Config, ClientError> {
        match &self.target {
            Target::Server(config) => Ok(Config::clone(config)),
            Target::Master(sentinels) => sentinels.locate(explained, deadline).await,
        }
    }

    /// The Sentinels that name the server, if there are some.
    pub(super) fn sentinels(&self) -> Option<&Sentinels> {
        match &self.target {
            Target::Server(_) => None,
            Target::Master(sentinels) => Some(sentinels),
        }
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// The settings of connections to what a URL names, without an address.
pub(super) fn server_of(config: &RedisConfig, url: &ServerUrl) -> Result<Config, Invalid> {
    let tls = match url.uses_tls {
        true => Some(tls(config)?),
        false => {
            refuse_settings(config)?;
            None
        }
    };
    check_sentinel_settings(config, matches!(url.place, Place::Master { .. }))?;
    // RESP3 begins a connection with HELLO. RESP2 begins it with PING, which a server that can't save its data refuses.
    let version = RespVersion::RESP3;
    let (username, password) = (url.user.clone(), url.password.clone());
    Ok(Config {
        version,
        fail_fast: true,
        tls,
        username,
        password,
        database: url.database,
        ..Config::default()
    })
}

fn check_sentinel_settings(config: &RedisConfig, has_sentinels: bool) -> Result<(), Invalid> {
    let (user, password) = (&config.sentinel_user, &config.sentinel_password);
    if has_sentinels && user.is_some() && password.is_none() {
        let problem = "is missing beside sentinel_user";
        return Err(Invalid::new("sentinel_password", problem, "set both of them, or neither"));
    }
    for (field, is_set) in [("sentinel_user", user.is_some()), ("sentinel_password", password.is_some())] {
        if is_set && !has_sentinels {
            let problem = "is a setting of Sentinels, which the URL does not name";
            return Err(Invalid::new(field, problem, "write redis-sentinel://, or leave it out"));
        }
    }
    Ok(())
}
