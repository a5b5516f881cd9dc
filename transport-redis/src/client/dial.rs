use std::time::Duration;

use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::ClientLike;
use fred::types::config::{Config, ConnectionConfig, PerformanceConfig, Server, ServerConfig};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::ClientError;
use super::tls_problem::tls_problem;

/// Resolves when the connection is gone; dropping it closes the connection.
pub(super) struct Closed {
    task: JoinHandle<Result<(), Error>>,
    gone: watch::Sender<Option<String>>,
}

/// The messages of a connection without channels, on which fred reports on itself.
pub(super) const FEW_MESSAGES: usize = 32;

/// Connects a client of fred, in which so many messages of channels wait to be received. It has to be called, and stays,
/// on tokio.
pub(super) async fn dial(
    config: Config,
    messages: usize,
    deadline: Instant,
) -> Result<(Client, Closed), ClientError> {
    let (client, closed) = begin(config.clone(), messages, deadline);
    match timeout_at(deadline, client.wait_for_connect()).await {
        Ok(Ok(())) => Ok((client, closed)),
        Ok(Err(error)) => Err(connect_error(&config, &error)),
        Err(_) => {
            let address = address_of(&config);
            Err(ClientError::Lost(format!("{address}: no connection within the call timeout")))
        }
    }
}

/// Begins to connect.
pub(super) fn begin(config: Config, messages: usize, deadline: Instant) -> (Client, Closed) {
    let timeout = deadline.saturating_duration_since(Instant::now());
    let mut connection = ConnectionConfig {
        connection_timeout: timeout,
        internal_command_timeout: timeout,
        // A command is sent once: whether it may be repeated is not the client's to say.
        max_command_attempts: 1,
        ..ConnectionConfig::default()
    };
    connection.tcp.nodelay = Some(true);
    let performance = PerformanceConfig {
        default_command_timeout: Duration::ZERO,
        // It holds the places of all of them from the start, eight times.
        broadcast_channel_capacity: messages,
        ..PerformanceConfig::default()
    };
    // No reconnect policy: the sender of a command has to know that it was lost with its connection, so the link makes
    // a new client.
    let client = Client::new(config, Some(performance), Some(connection), None);
    let task = client.connect();
    (client, Closed { task, gone: watch::Sender::new(None) })
}

/// A config of a server at a host and port, whose certificate has to be for `name` instead of the host, if there is one.
pub(super) fn at(config: Config, host: String, port: u16, name: Option<String>) -> Config {
    Config { server: ServerConfig::Centralized { server: Server::new_with_tls(host, port, name) }, ..config }
}

/// Where a server is, for messages.
pub(super) fn address_of(config: &Config) -> String {
    match &config.server {
        ServerConfig::Centralized { server } => format!("{}:{}", server.host, server.port),
        ServerConfig::Unix { path } => path.display().to_string(),
        _ => "the server".into(), // no URL makes others
    }
}

/// Resolves with the reason when a connection is gone.
pub(super) async fn lost(gone: &mut watch::Receiver<Option<String>>) -> ClientError {
    let why = gone.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
    ClientError::Lost(why.unwrap_or_else(|| "the connection was closed".into()))
}

impl Closed {
    /// Why the connection is gone, once it is.
    pub(super) fn gone(&self) -> watch::Receiver<Option<String>> {
        self.gone.subscribe()
    }

    /// Waits until it is gone, and says why.
    pub(super) async fn wait(&mut self) -> String {
        match (&mut self.task).await {
            Ok(Err(error)) => readable(error.details()),
            Ok(Ok(())) => "the connection was closed".into(),
            Err(_) => "the runtime has ended".into(),
        }
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.task.abort();
        self.gone.send_replace(Some("the connection was lost".into()));
    }
}

fn connect_error(config: &Config, error: &Error) -> ClientError {
    let address = address_of(config);
    if config.tls.is_some()
        && let Some(meaning) = tls_problem(error.details())
    {
        return ClientError::Refused(format!("{address}: {meaning}"));
    }
    match (error.kind(), ClientError::of_server(error.details())) {
        (_, refused @ ClientError::Refused(_)) => refused,
        (ErrorKind::Auth, _) => ClientError::Refused(error.details().to_owned()),
        _ => ClientError::Lost(format!("{address}: {}", readable(error.details()))),
    }
}

/// An error of a command: the server refuses it, or its connection was lost.
pub(super) fn command_error(error: &Error) -> ClientError {
    match ClientError::of_server(error.details()) {
        refused @ ClientError::Refused(_) => refused,
        _ => ClientError::Lost(readable(error.details())),
    }
}

/// What went wrong, in words. fred has of an error of the system only its debug form, such as
/// `Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }` or `Kind(BrokenPipe)`.
fn readable(details: &str) -> String {
    let quoted = ["message: \"", "error: \""].iter().find_map(|mark| details.split_once(mark));
    let quoted = quoted.and_then(|(_, rest)| rest.split_once('"')).map(|(text, _)| text);
    let kind = || details.strip_prefix("Kind(")?.strip_suffix(')');
    if let Some(text) = quoted {
        let mut letters = text.chars();
        return letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default();
    }
    let Some(kind) = kind() else { return details.to_owned() };
    let mut words = String::new();
    for letter in kind.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn errors_of_the_system_read_as_words() {
        let refused = format!("{:?}", io::Error::from_raw_os_error(111));
        assert!(refused.starts_with("Os {"), "{refused}");
        let lookup = io::Error::other("failed to lookup address information");
        let broken = format!("{:?}", io::Error::from(io::ErrorKind::BrokenPipe));
        for (details, words) in [
            (refused.as_str(), "connection refused"),
            (&format!("{lookup:?}"), "failed to lookup address information"),
            (&broken, "broken pipe"),
            ("Kind(UnexpectedEof)", "unexpected eof"),
            ("Something else.", "Something else."),
        ] {
            assert_eq!(readable(details), words);
        }
    }
}
