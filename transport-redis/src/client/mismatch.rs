use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use fred::interfaces::ClientLike;
use fred::types::config::{Config, ServerConfig};
use fred::types::{ClusterHash, CustomCommand, Value};
use futures::FutureExt;
use tokio::time::{Instant, sleep, timeout_at};

use super::dial::{FEW_MESSAGES, address_of, begin};
use super::tls::tls_without_trust;
use super::tls_problem::is_of_tls;
use super::{ClientError, ServerReply};

/// How long an attempt may take before it is looked whether the server speaks TLS as the URL says. A server without TLS
/// may wait for more of what it takes for a command.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long that may take.
const PROBE: Duration = Duration::from_secs(1);

/// An attempt to reach a server for the first time. If it fails and the server speaks TLS and the URL does not, or the
/// reverse, that is the error.
pub(super) async fn explained<T>(
    config: &Config,
    attempt: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    let early = async {
        sleep(PATIENCE).await;
        mismatch(config).boxed().await
    };
    let error = tokio::select! {
        result = attempt => match result {
            Err(error @ (ClientError::Lost(_) | ClientError::Timeout(_))) => error,
            result => return result,
        },
        Some(mismatch) = early => return Err(mismatch),
    };
    Err(mismatch(config).boxed().await.unwrap_or(error))
}

/// Tries the other way to speak to a server, without its password.
async fn mismatch(config: &Config) -> Option<ClientError> {
    if matches!(config.server, ServerConfig::Unix { .. }) {
        return None;
    }
    let tls = match &config.tls {
        Some(_) => None,
        None => Some(tls_without_trust()?),
    };
    let uses_tls = tls.is_some();
    let other = Config { username: None, password: None, database: None, tls, ..config.clone() };
    let deadline = Instant::now() + PROBE;
    let (client, _closed) = begin(other, FEW_MESSAGES, deadline);
    let problem = match timeout_at(deadline, client.wait_for_connect()).await.ok()? {
        Ok(()) => None,
        Err(error) => Some(error.details().to_owned()),
    };
    let address = address_of(config);
    if uses_tls {
        let hint = "it takes connections over TLS; write rediss://, rediss-cluster:// or rediss-sentinel://";
        return problem
            .is_some_and(|text| is_of_tls(&text))
            .then(|| ClientError::Refused(format!("{address}: {hint}")));
    }
    let answers = match problem {
        // fred takes a connection that was closed at once for one that is there.
        None => {
            let ping = CustomCommand::new_static("PING", ClusterHash::FirstKey, false);
            let answer = timeout_at(deadline, client.custom_raw(ping, Vec::<Value>::new())).await.ok()?;
            answer.is_ok_and(|frame| {
                ServerReply::new(frame)
                    .is_ok_and(|reply| reply.as_bytes() == Some(&Bytes::from_static(b"PONG")))
            })
        }
        Some(text) => matches!(ClientError::of_server(&text), ClientError::Refused(_)),
    };
    let hint = "it takes connections without TLS; write redis://, redis-cluster:// or redis-sentinel://";
    answers.then(|| ClientError::Refused(format!("{address}: {hint}")))
}
