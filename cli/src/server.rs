use std::fmt;
use std::time::Duration;

use rhai_dispatcher::list_bridge::{ListTasks, ListUrl};
use rhai_dispatcher::transport::{
    RedisConfig, RedisTransport, TokioBridge, TransportConfig, TransportUrl, UrlParameters,
};
use rhai_dispatcher::worker::WorkerError;
use rhai_dispatcher::{RhaiDispatcher, RhaiDispatcherBuilder, RhaiDispatcherError};
use tokio::runtime::Handle;

use crate::error::CommandError;
use crate::reach::Reach;
use crate::report::Console;

/// The server of a command. `Display` leaves out its password.
#[derive(Clone)]
pub(crate) struct Server {
    url: TransportUrl,
    prefix: Option<String>,
    records: RecordSettings,
}

/// The limits on the records of finished tasks that the command line sets; `None` leaves the default.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RecordSettings {
    pub(crate) ttl: Option<Duration>,
    pub(crate) most: Option<usize>,
    pub(crate) most_bytes: Option<usize>,
}

impl RecordSettings {
    /// The names of those that the command line has, with their options.
    fn given(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let given = [
            self.ttl.map(|_| ("record_ttl", "--record-ttl <DURATION>")),
            self.most.map(|_| ("max_finished_records", "--max-finished-records <N>")),
            self.most_bytes.map(|_| ("max_finished_bytes", "--max-finished-bytes <BYTES>")),
        ];
        given.into_iter().flatten()
    }

    /// Sets those that the command line has.
    pub(crate) fn set(self, config: &mut TransportConfig) {
        config.record_ttl = self.ttl.unwrap_or(config.record_ttl);
        config.max_finished_records = self.most.unwrap_or(config.max_finished_records);
        config.max_finished_bytes = self.most_bytes.unwrap_or(config.max_finished_bytes);
    }
}

impl Server {
    /// The environment variable with the URL.
    pub(crate) const VARIABLE: &str = "RHAID_URL";

    /// The caller id of all commands.
    const CALLER_ID: &str = "rhaid";

    /// # Errors
    /// If other processes can't reach the URL, or if a `/` in its password would make the parser take a part of the
    /// password for another field, which the library's error would then show.
    pub(crate) fn new(url: String, prefix: Option<String>) -> Result<Self, CommandError> {
        let refuse = |problem: &str| Err(CommandError::usage("--url <URL>", problem));
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        if scheme == "memory" {
            return refuse("memory: is within one process; use redis://, or `rhaid run` without a server");
        }
        let is_socket = scheme.ends_with("unix");
        let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
        if !is_socket && path.is_some_and(|(_, path)| path.contains('@')) {
            return refuse("it has a / in its user or password; write that as %2F");
        }
        Ok(Self { url: url.into(), prefix, records: RecordSettings::default() })
    }

    pub(crate) fn with_records(self, records: RecordSettings) -> Self {
        Self { records, ..self }
    }

    /// A connected dispatcher.
    pub(crate) async fn connect(&self) -> Result<RhaiDispatcher, CommandError> {
        let RecordSettings { ttl, most, most_bytes } = self.records;
        let mut builder = RhaiDispatcherBuilder::new().caller_id(Self::CALLER_ID).url(self.url.as_str());
        if let Some(prefix) = &self.prefix {
            builder = builder.prefix(prefix);
        }
        if let Some(ttl) = ttl {
            builder = builder.record_ttl(ttl);
        }
        if let Some(most) = most {
            builder = builder.max_finished_records(most);
        }
        if let Some(bytes) = most_bytes {
            builder = builder.max_finished_bytes(bytes);
        }
        self.refuse_twice()?;
        let dispatcher = builder.build().map_err(|error| self.explain(error))?;
        self.reach()?;
        dispatcher.transport().connect().await.map_err(|error| self.explain(error))?;
        Ok(dispatcher)
    }

    /// Says at once that the server is not there: the library tries for the call timeout.
    ///
    /// # Errors
    /// If nothing takes connections at its address.
    fn reach(&self) -> Result<(), CommandError> {
        match Reach::of(self.url.as_str()) {
            Reach::Reached => {}
            Reach::Silent(problem) => self.note_trying(&problem),
            Reach::Refused(problem) => return Err(self.not_available(&problem)),
        }
        Ok(())
    }

    /// Says at once that a worker can't connect yet. It tries, since it may have been started before its server.
    pub(crate) fn note_reach(&self) {
        if let Reach::Silent(problem) | Reach::Refused(problem) = Reach::of(self.url.as_str()) {
            self.note_trying(&problem);
        }
    }

    fn note_trying(&self, problem: &str) {
        let url = ListUrl::parse(self.url.as_str()).ok().flatten();
        let config = RedisConfig::from_url(url.as_ref().map_or(self.url.as_str(), ListUrl::server));
        // An error of the URL is told when it is used.
        let Ok(RedisConfig { call_timeout: timeout, .. }) = config else { return };
        Console::detect().note(format_args!("{self}: {problem}; trying to connect for {timeout:?}"));
    }

    /// Whether it is for workers that know only the list protocol.
    pub(crate) fn is_list(&self) -> bool {
        matches!(ListUrl::parse(self.url.as_str()), Ok(Some(_)))
    }

    /// Refuses a setting that both an option and the URL have.
    fn refuse_twice(&self) -> Result<(), CommandError> {
        let (_, named) = UrlParameters::split("url", self.url.as_str())?;
        let prefix = self.prefix.iter().map(|_| ("prefix", "--prefix <PREFIX>"));
        for (name, option) in prefix.chain(self.records.given()) {
            if named.names().any(|other| other == name) {
                return Err(CommandError::usage(option, "it stands in the URL too; give it once"));
            }
        }
        Ok(())
    }

    /// A transport to the server, on the runtime of this thread if there is one. It is not connected yet.
    ///
    /// # Errors
    /// If the URL can't be used, or names the list protocol, which only submits.
    pub(crate) fn transport(&self) -> Result<RedisTransport, CommandError> {
        if ListUrl::parse(self.url.as_str())?.is_some() {
            let problem =
                "protocol=list is for commands that submit to workers which know nothing else; leave it out";
            return Err(CommandError::usage("--url <URL>", problem));
        }
        self.refuse_twice()?;
        let config = RedisConfig::from_url(self.url.as_str())?;
        let mut config = match &self.prefix {
            Some(prefix) => config.with_prefix(prefix),
            None => config,
        };
        self.records.set(&mut config.transport);
        // On a runtime that runs anyway, a call wakes no thread on its way to the server and back.
        if let Ok(runtime) = Handle::try_current() {
            config = config.with_bridge(TokioBridge::to(runtime));
        }
        Ok(RedisTransport::new(config)?)
    }

    /// The tasks of clients of the list protocol.
    ///
    /// # Errors
    /// If the URL can't be used, or nothing takes connections there.
    pub(crate) fn list_tasks(&self) -> Result<ListTasks, CommandError> {
        let tasks = ListTasks::new(&self.transport()?);
        self.reach()?;
        Ok(tasks)
    }

    /// An error of a call. If the server caused it, it names the server and the way out.
    pub(crate) fn explain(&self, error: impl Into<RhaiDispatcherError>) -> CommandError {
        let (problem, hint) = match error.into() {
            RhaiDispatcherError::Unavailable(source) => return self.not_available(&source.to_string()),
            RhaiDispatcherError::Refused(source) => (
                format!("the server refuses: {source}"),
                "check the user, password and database in --url or RHAID_URL, and the server's settings",
            ),
            RhaiDispatcherError::Protocol(source) => (
                format!("the server holds something unexpected: {source}"),
                "use this --prefix only for rhai-dispatcher, and only in compatible versions",
            ),
            error => return error.into(),
        };
        // Redis ends some of its errors with a full stop.
        let problem = problem.trim_end_matches('.').to_owned();
        CommandError::Server { url: self.to_string(), problem, hint }
    }

    fn not_available(&self, problem: &str) -> CommandError {
        CommandError::Server {
            url: self.to_string(),
            problem: format!("the server is not available: {}", problem.trim_end_matches('.')),
            hint: "check that it runs and has memory and disk space, and that --url or RHAID_URL names it",
        }
    }

    /// An error that was returned while the connection was lost.
    pub(crate) fn lost(&self, error: &RhaiDispatcherError) -> CommandError {
        CommandError::Server {
            url: self.to_string(),
            problem: format!("{error}, and the connection is lost"),
            hint: "try again when the server is back",
        }
    }

    /// An error of a worker. If the server caused it, it names the server and the way out.
    pub(crate) fn explain_worker(&self, error: WorkerError) -> CommandError {
        match error {
            WorkerError::Transport(error) => self.explain(error),
            error => error.into(),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.url, f)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_without_a_server_or_with_an_exposed_password_are_refused() {
        for (url, says) in [
            ("redis://ann:12/secret@host/0", "%2F"),
            ("redis://:secret/1@host", "%2F"),
            ("memory:jobs", "rhaid run"),
        ] {
            let error = Server::new(url.into(), None).expect_err(url).to_string();
            assert!(error.contains(says) && !error.contains("secret"), "{error}");
        }
    }
}
