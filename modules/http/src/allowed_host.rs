use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::{HttpError, HttpErrorKind};

/// A host that scripts may call although its address is not public: a name or an address as in
/// URLs, optionally with the one port that is allowed.
///
/// ```
/// use rhai_dispatcher_http::AllowedHost;
///
/// let host: AllowedHost = "billing.internal:8080".parse()?;
/// assert!("http://billing.internal".parse::<AllowedHost>().is_err());
/// # Ok::<(), rhai_dispatcher_http::HttpError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    /// In the form that [`normal`] returns.
    host: String,
    /// `None` for all ports.
    port: Option<u16>,
}

impl AllowedHost {
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn has_port(&self, port: u16) -> bool {
        self.port.is_none_or(|own| own == port)
    }
}

/// One spelling for each host: no brackets, no capitals, no dot at the end.
pub(crate) fn normal(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase(),
    }
}

impl FromStr for AllowedHost {
    type Err = HttpError;

    fn from_str(text: &str) -> Result<Self, HttpError> {
        let problem = || {
            let message = format!(
                "{text:?} is not a host; give a name or an address, and optionally a port, such as \
                 api.internal, 10.0.0.5:8080 or [::1]:8080"
            );
            HttpError::new(HttpErrorKind::Invalid, message)
        };
        let bare_v6 = text.parse::<std::net::Ipv6Addr>().is_ok();
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !bare_v6 && !port.ends_with(']') => {
                (host, Some(port.parse().map_err(|_| problem())?))
            }
            _ => (text, None),
        };
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let is_name = !host.is_empty()
            && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
            && host.chars().any(|c| c != '.');
        let is_v6 = normal(host).parse::<std::net::Ipv6Addr>().is_ok() && (bracketed || bare_v6);
        if !is_name && !is_v6 {
            return Err(problem());
        }
        Ok(Self { host: normal(host), port })
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_one_spelling() {
        for (text, shown) in [
            ("LOCALHOST", "localhost"),
            ("localhost.", "localhost"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("::1", "[::1]"),
            ("[::1]", "[::1]"),
            ("[0:0::1]:80", "[::1]:80"),
            ("my_host-1.internal:8080", "my_host-1.internal:8080"),
        ] {
            assert_eq!(text.parse::<AllowedHost>().expect(text).to_string(), shown);
        }
        for text in ["", ".", ":80", "http://a", "a/b", "a:b", "a:99999", "*", "*.a", "user@a", "[::1", "a b"]
        {
            assert!(text.parse::<AllowedHost>().is_err(), "{text}");
        }
    }
}
