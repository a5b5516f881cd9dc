use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rhai_dispatcher::Invalid;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// 256 random bits: a token, the id of a session, or what a session proves with that a request is its own.
///
/// As text it is `rhaid_` and 43 characters of base64url. `Debug` does not show it.
#[derive(Clone)]
pub struct Secret(String);

/// The SHA-256 of a [`Secret`], which is kept in its place. It can't be turned back, and 256 random bits need no salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretHash([u8; 32]);

impl Secret {
    const PREFIX: &str = "rhaid_";

    /// A new one.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn generate() -> Result<Self, Invalid> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| {
            Invalid::new("token", format!("the system gives no random numbers: {error}"), "try again later")
        })?;
        Ok(Self(format!("{}{}", Self::PREFIX, URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// The text, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl SecretHash {
    /// The hash of what a client presents.
    pub(crate) fn of(presented: &str) -> Self {
        Self(Sha256::digest(presented.as_bytes()).into())
    }

    /// Whether both are the same, in a time that does not depend on where they differ.
    pub(crate) fn is(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl TryFrom<String> for SecretHash {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let invalid = || {
            Invalid::new("sha256", "is not 64 lower-case hex digits", "make a token with `rhaid token new`")
        };
        let digits = text.as_bytes();
        let is_hex = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 64 || !digits.iter().all(is_hex) {
            return Err(invalid());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| invalid())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| invalid())?;
        }
        Ok(Self(bytes))
    }
}

impl From<SecretHash> for String {
    fn from(hash: SecretHash) -> Self {
        hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_different_and_their_hashes_are_read_back() {
        let [one, other] = [(); 2].map(|()| Secret::generate().expect("random numbers"));
        assert_eq!((one.expose().len(), one.expose() == other.expose()), (6 + 43, false));
        assert!(!format!("{one:?}").contains(&one.expose()[6..]));
        let text = String::from(one.hash());
        assert_eq!(SecretHash::try_from(text.clone()).expect("hex"), one.hash());
        assert!(bool::from(one.hash().is(&SecretHash::of(one.expose()))));
        assert!(!bool::from(one.hash().is(&other.hash())));
        for bad in [&text[1..], &text.to_uppercase(), &format!("+{}", &text[1..]), ""] {
            assert_eq!(SecretHash::try_from(bad.to_owned()).expect_err(bad).field, "sha256");
        }
        // Of a known text, so that files of one version are read by the next.
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(String::from(SecretHash::of("abc")), known);
    }
}
