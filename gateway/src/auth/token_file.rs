use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher::Invalid;
use rhai_dispatcher::dispatcher::DispatcherConfig;
use rhai_dispatcher::transport::WallTime;
use serde::{Deserialize, Serialize};

use super::{Scope, Secret, SecretHash};

/// The file with the tokens of a gateway, which only its owner may read. docs/gateway.md has its format.
#[derive(Debug, Clone)]
pub struct TokenFile {
    path: PathBuf,
}

/// A token, as the file has it: without the token itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct TokenRecord {
    /// What it is revoked by: 16 hex digits.
    pub id: Arc<str>,
    /// The caller id of its tasks. Several tokens may have one, so that the next one can be given out before the last one is
    /// revoked.
    pub name: Arc<str>,
    /// The SHA-256 of the token.
    pub sha256: SecretHash,
    /// When it was made.
    pub created_at: WallTime,
    /// When it ends, if it does.
    #[serde(default)]
    pub expires_at: Option<WallTime>,
    /// What it allows.
    pub scope: Scope,
}

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    version: u32,
    tokens: Vec<TokenRecord>,
}

/// Why a file of tokens can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFileError {
    /// The system refuses to read or write it.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others may read or change it.
    #[error("{path} can be used by others (mode {mode:o}); run `chmod 600 {path}`", path = path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is not a file of tokens.
    #[error("{path}: {problem}; docs/gateway.md has the format", path = path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A value that a token can't have.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// No token has this id.
    #[error("no token has the id {0}; `rhaid token list` shows those that there are")]
    Unknown(String),
}

impl TokenFile {
    /// The most tokens of a file.
    pub const MAX_TOKENS: usize = 10_000;
    /// The longest file, in bytes.
    const MAX_BYTES: u64 = 64 << 20;
    const VERSION: u32 = 1;

    /// The file at `path`, which need not exist.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the tokens. A file that does not exist has none.
    ///
    /// # Errors
    /// If it can't be read, others can use it, or it has another format.
    pub fn load(&self) -> Result<Vec<TokenRecord>, TokenFileError> {
        let mut text = String::new();
        match File::open(&self.path) {
            Ok(file) => {
                self.check_mode(&file)?;
                let read = file.take(Self::MAX_BYTES).read_to_string(&mut text);
                read.map_err(|source| self.io(source))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(self.io(source)),
        }
        let contents: Contents =
            serde_json::from_str(&text).map_err(|error| self.format(error.to_string()))?;
        if contents.version != Self::VERSION {
            let problem =
                format!("it has the version {}, and this program reads {}", contents.version, Self::VERSION);
            return Err(self.format(problem));
        }
        let (mut ids, mut hashes) = (HashSet::new(), HashSet::new());
        for token in &contents.tokens {
            check_name(&token.name)?;
            // Sessions, connections and the audit log know a token by its id: two with one would have each other's rights.
            if !ids.insert(&token.id) || !hashes.insert(token.sha256) {
                let problem =
                    format!("two tokens have the id {} or its sha256; remove one of them", token.id);
                return Err(self.format(problem));
            }
        }
        Ok(contents.tokens)
    }

    /// Makes a token, and adds it to the file. Only now its text is known.
    ///
    /// # Errors
    /// If the name is not a caller id, the file is full, or can't be read or written.
    pub fn add(
        &self,
        name: &str,
        scope: Scope,
        expires_in: Option<Duration>,
    ) -> Result<(Secret, TokenRecord), TokenFileError> {
        check_name(name)?;
        let secret = Secret::generate()?;
        let id: String = String::from(Secret::generate()?.hash()).chars().take(16).collect();
        let now = WallTime::now();
        let record = TokenRecord {
            id: id.into(),
            name: name.into(),
            sha256: secret.hash(),
            created_at: now,
            expires_at: expires_in.map(|expires_in| now + expires_in),
            scope,
        };
        self.change(|tokens| {
            if tokens.len() >= Self::MAX_TOKENS {
                let problem = format!("the file has {} tokens, as many as it may", Self::MAX_TOKENS);
                return Err(Invalid::new("tokens", problem, "revoke some of them").into());
            }
            tokens.push(record.clone());
            Ok(())
        })?;
        Ok((secret, record))
    }

    /// Removes a token. A gateway that serves ends its sessions and connections within 2 s.
    ///
    /// # Errors
    /// If no token has this id, or the file can't be read or written.
    pub fn revoke(&self, id: &str) -> Result<TokenRecord, TokenFileError> {
        self.change(|tokens| {
            let at = tokens.iter().position(|token| &*token.id == id);
            let at = at.ok_or_else(|| TokenFileError::Unknown(id.chars().take(64).collect()))?;
            Ok(tokens.remove(at))
        })
    }

    /// Changes the tokens, while no other process does.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<TokenRecord>) -> Result<T, TokenFileError>,
    ) -> Result<T, TokenFileError> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(|source| self.io(source))?;
        }
        // The file itself is replaced, so its lock is another file.
        let lock = self.open_private(&self.beside("lock"), false)?;
        lock.lock().map_err(|source| self.io(source))?;
        let mut tokens = self.load()?;
        let changed = change(&mut tokens)?;
        let contents = Contents { version: Self::VERSION, tokens };
        let text = serde_json::to_string_pretty(&contents).map_err(|error| self.format(error.to_string()))?;
        let new = self.beside("new");
        let mut file = self.open_private(&new, true)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n"));
        // A reader finds the old file or the new one, and never half of it.
        let written = written.and_then(|()| file.sync_all()).and_then(|()| fs::rename(&new, &self.path));
        written.map_err(|source| self.io(source))?;
        Ok(changed)
    }

    fn open_private(&self, path: &Path, truncate: bool) -> Result<File, TokenFileError> {
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(truncate);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        options.open(path).map_err(|source| TokenFileError::Io { path: path.to_owned(), source })
    }

    fn beside(&self, extension: &str) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".");
        name.push(extension);
        name.into()
    }

    #[cfg(unix)]
    fn check_mode(&self, file: &File) -> Result<(), TokenFileError> {
        use std::os::unix::fs::PermissionsExt;

        let mode = file.metadata().map_err(|source| self.io(source))?.permissions().mode() & 0o777;
        match mode & 0o077 {
            0 => Ok(()),
            _ => Err(TokenFileError::Mode { path: self.path.clone(), mode }),
        }
    }

    #[cfg(not(unix))]
    fn check_mode(&self, _: &File) -> Result<(), TokenFileError> {
        Ok(())
    }

    fn io(&self, source: io::Error) -> TokenFileError {
        TokenFileError::Io { path: self.path.clone(), source }
    }

    fn format(&self, problem: String) -> TokenFileError {
        TokenFileError::Format { path: self.path.clone(), problem }
    }
}

impl TokenRecord {
    /// Whether it has not expired at `now`.
    #[must_use]
    pub fn is_valid_at(&self, now: WallTime) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// The name of a token is the caller id of its tasks.
fn check_name(name: &str) -> Result<(), Invalid> {
    match DispatcherConfig::new(name) {
        Ok(_) => Ok(()),
        Err(invalid) => Err(Invalid::new("name", invalid.problem, invalid.hint)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Role;

    #[test]
    fn tokens_are_added_listed_and_revoked() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = TokenFile::new(folder.path().join("new/tokens.json"));
        assert!(file.load().expect("none").is_empty());
        let (secret, one) = file.add("ci", Scope::new(Role::Call), None).expect("a token");
        let (_, other) = file.add("ops", Scope::admin(), Some(Duration::from_secs(60))).expect("a token");
        let text = fs::read_to_string(file.path()).expect("the file");
        assert!(!text.contains(secret.expose()), "the token itself is not kept");
        assert_eq!(file.load().expect("both"), [one.clone(), other.clone()]);
        assert_eq!(one.sha256, secret.hash());
        assert!(
            other.is_valid_at(other.created_at)
                && !other.is_valid_at(other.created_at + Duration::from_secs(60))
        );

        assert_eq!(file.revoke(&one.id).expect("it was there"), one);
        assert!(matches!(file.revoke(&one.id), Err(TokenFileError::Unknown(_))));
        assert_eq!(file.load().expect("one"), [other]);
        for bad in ["", "a\n", &"x".repeat(257)] {
            assert!(
                matches!(file.add(bad, Scope::admin(), None), Err(TokenFileError::Invalid(error)) if error.field == "name")
            );
        }
    }

    #[test]
    fn file_that_others_can_use_or_that_is_another_one_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = TokenFile::new(folder.path().join("tokens.json"));
        file.add("ci", Scope::admin(), None).expect("a token");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let set =
                |mode| fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).expect("its mode");
            assert_eq!(fs::metadata(file.path()).expect("the file").permissions().mode() & 0o777, 0o600);
            set(0o640);
            let error = file.load().expect_err("its group can read it").to_string();
            assert!(error.contains("chmod 600"), "{error}");
            set(0o600);
        }
        let good = fs::read_to_string(file.path()).expect("the file");
        let record =
            good.split_once("[").and_then(|(_, rest)| rest.rsplit_once("]")).expect("its tokens").0.trim();
        let twice = good.replace(record, &format!("{record}, {record}"));
        for (bad, says) in [
            ("", "EOF"),
            ("[]", "invalid length"),
            (&*good.replace("\"version\": 1", "\"version\": 2"), "version 2"),
            (&*good.replace("\"role\"", "\"rolle\""), "unknown field `rolle`"),
            (&*good.replace("\"ci\"", "\"\""), "name"),
            (&*twice, "two tokens have the id"),
        ] {
            fs::write(file.path(), bad).expect("written");
            let error = file.load().expect_err(bad).to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn many_writers_lose_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = TokenFile::new(folder.path().join("tokens.json"));
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let file = file.clone();
                scope.spawn(move || file.add(&format!("w{writer}"), Scope::admin(), None).expect("a token"));
            }
        });
        assert_eq!(file.load().expect("all").len(), 8);
    }
}
