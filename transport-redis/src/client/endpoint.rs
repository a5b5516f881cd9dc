use std::fmt;
use std::time::Duration;

use fred::types::RespVersion;
use fred::types::config::{Config, ServerConfig};
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
    /// What the URL names, with the settings of its connections.
    pub(crate) fn new(config: &RedisConfig) -> Result<Self, Invalid> {
        let url = ServerUrl::parse(config.url.as_str())?;
        let tls = match url.uses_tls {
            true => Some(tls(config)?),
            false => {
                refuse_settings(config)?;
                None
            }
        };
        // RESP3 begins a connection with HELLO. RESP2 begins it with PING, which a server that can't save its data refuses.
        let version = RespVersion::RESP3;
        let connect = Config { version, fail_fast: true, tls, ..Config::default() };
        let (username, password) = (url.user, url.password);
        let server = Config { username, password, database: url.database, ..connect.clone() };
        let name = config.tls_server_name.clone();
        let target = match url.place {
            Place::Host(host, port) => Target::Server(Box::new(at(server, host, port, name))),
            Place::Socket(path) => {
                Target::Server(Box::new(Config { server: ServerConfig::new_unix_socket(path), ..server }))
            }
            Place::Master { name: master, sentinels } => {
                let (username, password) = (
                    config.sentinel_user.clone(),
                    config.sentinel_password.as_ref().map(|password| password.expose().to_owned()),
                );
                let login = Config { username, password, ..connect };
                let sentinels = sentinels.into_iter().map(|(host, port)| at(login.clone(), host, port, None));
                Target::Master(Box::new(Sentinels::new(master, sentinels.collect(), server, name)))
            }
        };
        check_sentinel_settings(config, matches!(target, Target::Master(_)))?;
        Ok(Self { target, timeout: config.call_timeout })
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
