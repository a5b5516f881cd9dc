use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use rhai_dispatcher::{Invalid, RhaiDispatcher, RhaiDispatcherError};
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::credentials::Credentials;
use super::{
    Caller, Identity, LoginAttempts, Scope, Secret, SecretHash, Sessions, TokenFile, TokenFileError, Tokens,
};
use crate::GatewayError;
use crate::config::GatewayConfig;

/// Finds out who makes a request.
#[derive(Debug)]
pub(crate) struct Authenticator {
    /// Without tokens, as long as there are none, all requests have this identity.
    everyone: Identity,
    tokens: OnceLock<Tokens>,
    /// The file that is to have tokens, while there are none.
    awaited: Option<TokenFile>,
    dispatcher: RhaiDispatcher,
    pub(crate) sessions: Sessions,
    pub(crate) attempts: LoginAttempts,
    /// Told when an identity may have become invalid.
    changes: watch::Sender<()>,
}

/// The request has a token that is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

impl Authenticator {
    /// The caller id of all requests, without tokens.
    const OPEN_CALLER: &str = "gateway";

    /// Without tokens: every request may do everything, until the file `awaited` exists.
    ///
    /// # Errors
    /// None that can happen: the caller id is valid.
    pub(crate) fn open(
        dispatcher: RhaiDispatcher,
        awaited: Option<TokenFile>,
        config: &GatewayConfig,
    ) -> Result<Self, RhaiDispatcherError> {
        let everyone = Identity::new(
            Arc::new(Caller::default()),
            dispatcher.for_caller(Self::OPEN_CALLER)?,
            Scope::admin(),
        );
        let sessions = Sessions::new(config.max_sessions, config.session_ttl);
        let attempts = LoginAttempts::new(config.max_login_attempts);
        let (changes, _) = watch::channel(());
        Ok(Self { everyone, tokens: OnceLock::new(), awaited, dispatcher, sessions, attempts, changes })
    }

    /// With the tokens of a file.
    ///
    /// # Errors
    /// If the file can't be used.
    pub(crate) fn with_tokens(
        dispatcher: RhaiDispatcher,
        file: TokenFile,
        config: &GatewayConfig,
    ) -> Result<Self, GatewayError> {
        let tokens = Tokens::open(file, dispatcher.clone())?;
        let auth = Self::open(dispatcher, None, config)?;
        Ok(Self { tokens: tokens.into(), ..auth })
    }

    /// Whether the gateway has no tokens.
    pub(crate) fn is_open(&self) -> bool {
        self.tokens.get().is_none()
    }

    /// The identity of a request; none if it has no token and no session that lives.
    ///
    /// # Errors
    /// If it has a token that is not valid.
    pub(crate) fn identify(&self, headers: &HeaderMap) -> Result<Option<Identity>, Refused> {
        let Some(tokens) = self.tokens.get() else { return Ok(Some(self.everyone.clone())) };
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
        let Some(tokens) = self.tokens.get() else { return Ok(Err(Refused)) };
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
        let Some(tokens) = self.tokens.get() else { return Some(Duration::MAX) };
        let of_session = match identity.session_id() {
            Some(id) => self.sessions.valid_for(id, Instant::now())?,
            None => Duration::MAX,
        };
        let of_token = tokens.valid_for(identity)?;
        Some(of_session.min(of_token))
    }

    /// Reads the file of the tokens again whenever it has changed, or once there is one. It never ends.
    pub(crate) async fn keep_current(self: &Arc<Self>) {
        if self.is_open() && self.awaited.is_none() {
            return std::future::pending().await;
        }
        let mut ticks = interval(Tokens::INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_wrong = false;
        loop {
            ticks.tick().await;
            let auth = Arc::clone(self);
            // A file may be on a disk that takes long.
            match tokio::task::spawn_blocking(move || auth.refresh()).await {
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

    /// Whether the tokens have changed. The first ones end what everyone could do.
    fn refresh(&self) -> Result<bool, TokenFileError> {
        let (tokens, awaited) = (self.tokens.get(), &self.awaited);
        match (tokens, awaited) {
            (Some(tokens), _) => tokens.refresh(),
            (None, Some(file)) if file.path().symlink_metadata().is_ok() => {
                let tokens = Tokens::open(file.clone(), self.dispatcher.clone())?;
                Ok(self.tokens.set(tokens).is_ok())
            }
            (None, _) => Ok(false),
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
        let auth = Authenticator::with_tokens(dispatcher, file.clone(), &config).expect("tokens");
        let auth = Arc::new(auth);
        let (_, of_session) = auth.log_in(token.expose()).expect("random numbers").expect("a session");
        timeout(PATIENCE, auth.ended(&of_session)).await.expect("without a change of the tokens");

        let of_token = auth.tokens.get().and_then(|tokens| tokens.find(token.expose())).expect("it is valid");
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
    #[tokio::test]
    async fn first_token_ends_what_everyone_could_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = TokenFile::new(folder.path().join("tokens.json"));
        let dispatcher = RhaiDispatcher::builder().caller_id("tests").url("memory:").build().expect("one");
        let auth = Authenticator::open(dispatcher, Some(file.clone()), &GatewayConfig::default());
        let auth = Arc::new(auth.expect("a caller id"));
        assert!(!auth.refresh().expect("nothing is there yet"));
        let everyone = auth.identify(&HeaderMap::new()).expect("open").expect("everyone");
        file.add("ann", Scope::admin(), None).expect("a token");
        tokio::select! {
            () = auth.ended(&everyone) => {}
            () = auth.keep_current() => {}
        }
        assert!(!auth.is_open());
        assert!(auth.identify(&HeaderMap::new()).expect("no token is not a wrong one").is_none());
        std::fs::remove_file(file.path()).expect("it is there");
        assert!(auth.refresh().expect("its tokens are gone"));
        assert!(!auth.is_open(), "a file that is removed makes no token valid");
    }
}
