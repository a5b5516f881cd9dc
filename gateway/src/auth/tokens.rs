use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rhai_dispatcher::transport::WallTime;
use rhai_dispatcher::{Invalid, RhaiDispatcher};
use subtle::{Choice, ConditionallySelectable};

use super::{Caller, Identity, SecretHash, TokenFile, TokenFileError, TokenRecord};

/// The tokens of a file, each with its identity. The file is read again when it has changed.
#[derive(Debug)]
pub(crate) struct Tokens {
    file: TokenFile,
    dispatcher: RhaiDispatcher,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// What the file looked like when it was read.
    stamp: Option<Stamp>,
    tokens: Vec<(TokenRecord, Identity)>,
}

/// What differs when a file has been replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    len: u64,
    inode: u64,
}

impl Tokens {
    /// How often the file is looked at.
    pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

    /// Reads the file.
    ///
    /// # Errors
    /// If it can't be used.
    pub(crate) fn open(file: TokenFile, dispatcher: RhaiDispatcher) -> Result<Self, TokenFileError> {
        let tokens = Self { file, dispatcher, known: RwLock::default() };
        tokens.refresh()?;
        Ok(tokens)
    }

    /// Reads the file again if it has changed. Whether it has. If it can't be used any more, the tokens stay as they are;
    /// if it is gone, there are none.
    ///
    /// # Errors
    /// If it can't be used.
    pub(crate) fn refresh(&self) -> Result<bool, TokenFileError> {
        let stamp = self.stamp();
        if self.read().stamp == stamp && stamp.is_some() {
            return Ok(false);
        }
        let records = self.file.load()?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // Calls in flight count for their caller also after a change.
        let callers =
            known.tokens.iter().map(|(token, identity)| (token.name.clone(), identity.caller().clone()));
        let mut callers: HashMap<_, Arc<Caller>> = callers.collect();
        let with_identity = |record: TokenRecord| {
            let caller = callers.entry(record.name.clone()).or_default().clone();
            let dispatcher = self.dispatcher.for_caller(record.name.clone()).map_err(named)?;
            let identity = Identity::new(caller, dispatcher, record.scope.clone()).with_token(&record);
            Ok::<_, TokenFileError>((record, identity))
        };
        let tokens = records.into_iter().map(with_identity).collect::<Result<Vec<_>, _>>()?;
        let has_changed =
            tokens.iter().map(|(record, _)| record).ne(known.tokens.iter().map(|(record, _)| record));
        *known = Known { stamp, tokens };
        Ok(has_changed)
    }

    /// The identity of a token, compared with each in the same time.
    pub(crate) fn find(&self, presented: &str) -> Option<Identity> {
        let hash = SecretHash::of(presented);
        let known = self.read();
        let (mut found, mut at) = (Choice::from(0), 0_u64);
        for (index, (token, _)) in (0_u64..).zip(&known.tokens) {
            let is_it = token.sha256.is(&hash);
            at.conditional_assign(&index, is_it);
            found |= is_it;
        }
        if !bool::from(found) {
            return None;
        }
        let (token, identity) = known.tokens.get(usize::try_from(at).ok()?)?;
        token.is_valid_at(WallTime::now()).then(|| identity.clone())
    }

    /// The identity of the token with this hash, as long as it is valid.
    pub(crate) fn of_hash(&self, hash: &SecretHash) -> Option<Identity> {
        let known = self.read();
        let (token, identity) = known.tokens.iter().find(|(token, _)| token.sha256 == *hash)?;
        token.is_valid_at(WallTime::now()).then(|| identity.clone())
    }

    /// For how long the token of this identity is valid; none if it is not, or is another one by now.
    pub(crate) fn valid_for(&self, identity: &Identity) -> Option<Duration> {
        let known = self.read();
        let (token, _) = known.tokens.iter().find(|(token, _)| identity.is_of(token))?;
        let now = WallTime::now();
        token.is_valid_at(now).then(|| token.expires_at.map_or(Duration::MAX, |end| end - now))
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn stamp(&self) -> Option<Stamp> {
        let metadata = fs::metadata(self.file.path()).ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Stamp { modified: metadata.modified().ok(), len: metadata.len(), inode })
    }
}

fn named(error: rhai_dispatcher::RhaiDispatcherError) -> TokenFileError {
    Invalid::new("name", error.to_string(), "name the token in 1 to 256 bytes of printable text").into()
}
