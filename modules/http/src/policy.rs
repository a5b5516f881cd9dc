use std::net::{IpAddr, SocketAddr};

use reqwest::Url;

use crate::address::is_public;
use crate::allowed_host::normal;
use crate::{AllowedHost, HttpError, HttpErrorKind};

/// Decides which addresses may be called: public addresses, and those of the allowed hosts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    allowed: Vec<AllowedHost>,
}

impl Policy {
    pub(crate) fn new(allowed: Vec<AllowedHost>) -> Self {
        Self { allowed }
    }

    /// Checks a URL: its scheme, and its host if that is an address. The addresses of a name are checked by
    /// [`Self::permitted`] after the look-up.
    ///
    /// # Errors
    /// Of kind `invalid` or `refused`.
    pub(crate) fn check(&self, url: &Url) -> Result<(), HttpError> {
        let invalid = |problem: &str| Err(HttpError::new(HttpErrorKind::Invalid, format!("url: {problem}")));
        if !matches!(url.scheme(), "http" | "https") {
            return invalid("it should begin with http:// or https://");
        }
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return invalid("it has no host");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return invalid("it has a user or password in it; send them in a header");
        }
        let host = normal(host);
        if self.is_listed(&host) {
            if self.is_allowed(url) {
                return Ok(());
            }
            let message = format!("{host} is allowed on other ports only");
            return Err(HttpError::new(HttpErrorKind::Refused, message));
        }
        match host.parse::<IpAddr>() {
            Ok(address) if !is_public(address) => Err(refused(&host)),
            _ => Ok(()),
        }
    }

    /// The addresses of a name to which the client may connect.
    ///
    /// # Errors
    /// If none of the addresses may be used.
    pub(crate) fn permitted(
        &self,
        name: &str,
        addresses: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, HttpError> {
        let listed = self.is_listed(&normal(name));
        let mut addresses = addresses.peekable();
        if addresses.peek().is_none() {
            return Err(HttpError::new(HttpErrorKind::Resolve, format!("{name} has no address")));
        }
        let permitted: Vec<_> = addresses.filter(|address| listed || is_public(address.ip())).collect();
        if permitted.is_empty() { Err(refused(name)) } else { Ok(permitted) }
    }

    /// Whether a URL's host and port are on the list.
    pub(crate) fn is_allowed(&self, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host_str().map(normal), url.port_or_known_default()) else {
            return false;
        };
        self.allowed.iter().any(|allowed| allowed.host() == host && allowed.has_port(port))
    }

    fn is_listed(&self, host: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed.host() == host)
    }
}

fn refused(host: &str) -> HttpError {
    let message = format!(
        "{host} is an address of this machine or of a private network; the worker has to allow it \
         (--allow-host {host})"
    );
    HttpError::new(HttpErrorKind::Refused, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allowed: &[&str]) -> Policy {
        Policy::new(allowed.iter().map(|host| host.parse().expect("a host")).collect())
    }

    fn checked(policy: &Policy, url: &str) -> Result<(), HttpErrorKind> {
        policy.check(&url.parse().expect(url)).map_err(|error| error.kind())
    }

    #[test]
    fn every_spelling_of_a_closed_address_is_refused() {
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.0.0.1/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://169.254.169.254/latest/meta-data",
            "http://0/",
            "http://127。0。0。1/",
            "https://10.0.0.1:8443/",
        ] {
            assert_eq!(checked(&policy(&[]), url), Err(HttpErrorKind::Refused), "{url}");
        }
        assert_eq!(checked(&policy(&[]), "http://1.1.1.1/"), Ok(()));
    }

    #[test]
    fn an_allowed_host_is_allowed_by_name_and_port() {
        let policy = policy(&["localhost:8080", "10.0.0.5"]);
        assert_eq!(checked(&policy, "http://LOCALHOST:8080/"), Ok(()));
        assert_eq!(checked(&policy, "http://localhost.:8080/"), Ok(()));
        assert_eq!(checked(&policy, "http://localhost/"), Err(HttpErrorKind::Refused));
        assert_eq!(checked(&policy, "http://10.0.0.5:99/"), Ok(()));
        assert_eq!(checked(&policy, "http://10.0.0.6/"), Err(HttpErrorKind::Refused));
        assert_eq!(checked(&policy, "http://127.0.0.1:8080/"), Err(HttpErrorKind::Refused));
    }

    #[test]
    fn a_name_with_mixed_addresses_is_reached_at_its_public_ones() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| SocketAddr::new(text.parse().expect("an address"), 0)).collect()
        };
        let all = addresses(&["10.0.0.1", "1.1.1.1", "::1"]);
        let permitted = policy(&[]).permitted("tricky.example", all.iter().copied());
        assert_eq!(permitted.expect("one"), addresses(&["1.1.1.1"]));
        let none = policy(&[]).permitted("tricky.example", addresses(&["127.0.0.1"]).into_iter());
        assert_eq!(none.expect_err("none").kind(), HttpErrorKind::Refused);
        // An allowed address does not allow the names that resolve to it.
        let other = policy(&["127.0.0.1"]).permitted("tricky.example", addresses(&["127.0.0.1"]).into_iter());
        assert_eq!(other.expect_err("none").kind(), HttpErrorKind::Refused);
        let allowed = policy(&["tricky.example"]).permitted("Tricky.Example.", all.iter().copied());
        assert_eq!(allowed.expect("all"), all);
    }

    #[test]
    fn other_schemes_and_credentials_are_refused_without_being_quoted() {
        for url in ["file:///etc/passwd", "ftp://a/", "http://ann:hunter2@example.com/", "data:,x"] {
            let error = policy(&[]).check(&url.parse().expect(url)).expect_err(url);
            assert_eq!(error.kind(), HttpErrorKind::Invalid);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
