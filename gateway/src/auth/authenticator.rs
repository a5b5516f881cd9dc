use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use rhai_dispatcher::{Invalid, RhaiDispatcher, RhaiDispatcherError};
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::credentials::Credentials;
use super::{Caller, Identity, LoginAttempts, Scope, Secret, SecretHash, Sessions, Tokens};
use crate::config::GatewayConfig;

/// Finds out who makes a request.
#[derive(Debug)]
pub(crate) struct Authenticator {
    who: Who,
    pub(crate) sessions: Sessions,
    pub(crate) attempts: LoginAttempts,
    /// Told when an identity may have become invalid.
    changes: watch::Sender<()>,
}

#[derive(Debug)]
enum Who {
    /// Without tokens: all requests have this identity.
    Everyone(Identity),
    /// Those with a token.
    Tokens(Arc<Tokens>),
}

/// The request has a token that is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

impl Authenticator {
    /// The caller id of all requests, without tokens.
    const OPEN_CALLER: &str = "gateway";

    /// Without tokens: every request may do everything.
    ///
    /// # Errors
    /// None that can happen: the caller id is valid.
    pub(crate) fn open(
        dispatcher: &RhaiDispatcher,
        config: &GatewayConfig,
    ) -> Result<Self, RhaiDispatcherError> {
        let dispatcher = dispatcher.for_caller(Self::OPEN_CALLER)?;
        let everyone = Identity::new(Arc::new(Caller::default()), dispatcher, Scope::admin());
        Ok(Self::new(Who::Everyone(everyone), config))
    }

    /// With the tokens of a file.
    pub(crate) fn with_tokens(tokens: Tokens, config: &GatewayConfig) -> Self {
        Self::new(Who::Tokens(Arc::new(tokens)), config)
    }

    fn new(who: Who, config: &GatewayConfig) -> Self {
        let sessions = Sessions::new(config.max_sessions, config.session_ttl);
        let (changes, _) = watch::channel(());
        Self { who, sessions, attempts: LoginAttempts::new(config.max_login_attempts), changes }
    }

    /// Whether the gateway has no tokens.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.who, Who::Everyone(_))
    }

    /// The identity of a request; none if it has no token and no session that lives.
    ///
    /// # Errors
    /// If it has a token that is not valid.
    pub(crate) fn identify(&self, headers: &HeaderMap) -> Result<Option<Identity>, Refused> {
        let tokens = match &self.who {
            Who::Everyone(identity) => return Ok(Some(identity.clone())),
            Who::Tokens(tokens) => tokens,
        };
        match Credentials::of(headers) {
            Credentials::None => Ok(None),
            Credentials::Unreadable => Err(Refused),
            Credentials::Token(token) => tokens.find(token).map(Some).ok_or(Refused),
            // A session that has ended is as good as none: its browser still sends the cookie.
            Credentials::Session(id) => Ok(self.of_session(tokens, &SecretHash::of(id))),
        }
    }

    /// Begins a session with a token. Returns the id for its cookie, and its identity.
    ///
    /// # Errors
    /// If the token is not valid, or there are none; or if the system gives no random numbers.
    pub(crate) fn log_in(&self, token: &str) -> Result<Result<(Secret, Identity), Refused>, Invalid> {
        let Who::Tokens(tokens) = &self.who else { return Ok(Err(Refused)) };
        let Some(identity) = tokens.find(token) else { return Ok(Err(Refused)) };
        let Some(hash) = identity.token_hash() else { return Ok(Err(Refused)) };
        let (id, session) = self.sessions.begin(hash, Instant::now())?;
        let identity = identity.with_session(id.hash(), session.csrf);
        Ok(Ok((id, identity)))
    }

    /// Ends the session of an identity, if it has one, and its connections.
    pub(crate) fn log_out(&self, identity: &Identity) {
        if identity.session_id().is_some_and(|id| self.sessions.end(id)) {
            self.changes.send_replace(());
        }
    }

    /// Resolves when an identity is no longer what it was when its connection or request began: its token or its session
    /// has ended, or allows something else.
    pub(crate) async fn ended(&self, identity: &Identity) {
        /// The clock of the machine may be set meanwhile.
        const LONGEST: Duration = Duration::from_secs(60);
        let mut changes = self.changes.subscribe();
        while let Some(valid_for) = self.valid_for(identity) {
            tokio::select! {
                // Its sender lives as long as this does.
                _ = changes.changed() => {}
                () = sleep(valid_for.min(LONGEST)) => {}
            }
        }
    }

    /// For how long the token and the session of an identity are valid, as far as is known now; none if they are not.
    fn valid_for(&self, identity: &Identity) -> Option<Duration> {
        let Who::Tokens(tokens) = &self.who else { return Some(Duration::MAX) };
        let of_session = match identity.session_id() {
            Some(id) => self.sessions.valid_for(id, Instant::now())?,
            None => Duration::MAX,
        };
        let of_token = tokens.valid_for(identity)?;
        Some(of_session.min(of_token))
    }

    /// Reads the file of the tokens again whenever it has changed. It never ends.
    pub(crate) async fn keep_current(&self) {
        let Who::Tokens(tokens) = &self.who else { return std::future::pending().await };
        let mut ticks = interval(Tokens::INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_wrong = false;
        loop {
            ticks.tick().await;
            let tokens = Arc::clone(tokens);
            // A file may be on a disk that takes long.
            match tokio::task::spawn_blocking(move || tokens.refresh()).await {
                Ok(Ok(has_changed)) => {
                    was_wrong = false;
                    if has_changed {
                        tracing::info!("the tokens have changed");
                        self.changes.send_replace(());
                    }
                }
                Ok(Err(error)) => {
                    if !std::mem::replace(&mut was_wrong, true) {
                        tracing::error!(%error, "the tokens stay as they were, since their file can't be used");
                    }
                }
                // Only at the end of the runtime.
                Err(error) => tracing::debug!(%error, "the tokens are not read"),
            }
        }
    }

    fn of_session(&self, tokens: &Tokens, id: &SecretHash) -> Option<Identity> {
        let session = self.sessions.of(id, Instant::now())?;
        Some(tokens.of_hash(&session.token)?.with_session(*id, session.csrf))
    }
}

/// Whether a request proves that it belongs to its session, by the header; without a session there is nothing to prove.
pub(crate) fn proves_its_session(identity: &Identity, headers: &HeaderMap) -> bool {
    let Some(csrf) = identity.csrf_token() else { return true };
    let proof = headers.get("x-csrf-token").map(|value| value.as_bytes()).unwrap_or_default();
    proof.ct_eq(csrf.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use crate::auth::TokenFile;

    #[tokio::test]
    async fn identity_ends_with_its_session_and_with_its_token() {
        const PATIENCE: Duration = Duration::from_secs(60);
        let folder = tempfile::tempdir().expect("a folder");
        let file = TokenFile::new(folder.path().join("tokens.json"));
        let (token, record) = file.add("ann", Scope::admin(), None).expect("a token");
        let dispatcher = RhaiDispatcher::builder().caller_id("tests").url("memory:").build().expect("one");
        let config = GatewayConfig::default().with_session_ttl(Duration::from_millis(50));
        let tokens = Tokens::open(file.clone(), dispatcher).expect("tokens");
        let auth = Authenticator::with_tokens(tokens, &config);
        let (_, of_session) = auth.log_in(token.expose()).expect("random numbers").expect("a session");
        timeout(PATIENCE, auth.ended(&of_session)).await.expect("without a change of the tokens");

        let Who::Tokens(tokens) = &auth.who else { panic!("it has tokens") };
        let of_token = tokens.find(token.expose()).expect("it is valid");
        // Its place is taken by another one with the same id, as of a file that is edited by hand.
        let text = std::fs::read_to_string(file.path()).expect("the file");
        let (old, new) = (String::from(record.sha256), String::from(SecretHash::of("another")));
        std::fs::write(file.path(), text.replace(&old, &new)).expect("written");
        let followed = async {
            tokio::select! {
                () = auth.ended(&of_token) => {}
                () = auth.keep_current() => {}
            }
        };
        timeout(PATIENCE, followed).await.expect("the file is read again");
    }
}
