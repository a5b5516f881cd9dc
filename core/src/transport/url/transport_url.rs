use std::fmt;

use super::Secret;

/// The URL of a transport, which may have passwords. Its [`Display`](fmt::Display) and [`Debug`] forms show `***` in their place.
#[derive(Clone, PartialEq, Eq)]
pub struct TransportUrl(String);

/// The parameter that is a password.
const SENTINEL_PASSWORD: &str = "sentinel_password=";

impl TransportUrl {
    /// All of it, with its passwords.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for TransportUrl {
    fn from(url: T) -> Self {
        Self(url.into())
    }
}

impl fmt::Display for TransportUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In memory nothing has a password.
        let Some((scheme, rest)) = self.0.split_once("://") else { return f.write_str(&self.0) };
        // That of the Sentinels stands in the query.
        let rest = match rest.split_once(SENTINEL_PASSWORD) {
            Some((before, after)) => {
                let others = after.find('&').map_or("", |end| &after[end..]);
                format!("{before}{SENTINEL_PASSWORD}{}{others}", Secret::SHOWN)
            }
            None => rest.to_owned(),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        write!(f, "{scheme}://")?;
        match authority.rsplit_once('@') {
            Some((credentials, address)) => {
                let user = credentials.split_once(':').map_or("", |(user, _)| user);
                write!(f, "{user}:{}@{address}{path}", Secret::SHOWN)
            }
            None => write!(f, "{authority}{path}"),
        }
    }
}

impl fmt::Debug for TransportUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UrlValue;

    #[test]
    fn urls_are_shown_without_their_passwords() {
        let shown = |url: &str| {
            let url = TransportUrl::from(url);
            assert_eq!(format!("{url:?}"), format!("\"{url}\""));
            url.to_string()
        };
        assert_eq!(shown("memory:jobs?lease=1s"), "memory:jobs?lease=1s");
        assert_eq!(shown("redis://127.0.0.1/"), "redis://127.0.0.1/");
        assert_eq!(shown("redis://ann:pa:s@s@host:7000/3"), "redis://ann:***@host:7000/3");
        assert_eq!(shown("redis://:pass@host"), "redis://:***@host");
        assert_eq!(shown("redis://pass@host"), "redis://:***@host");
        assert_eq!(
            shown("redis-sentinel://:pass@a,b:1/m?sentinel_password=pa%40ss&lease=1s"),
            "redis-sentinel://:***@a,b:1/m?sentinel_password=***&lease=1s"
        );
        assert_eq!(shown("redis+unix://:pass@/run/a@b.sock?db=1"), "redis+unix://:***@/run/a@b.sock?db=1");
        assert_eq!(format!("{:?}", Secret::from_text("pass")), "Ok(***)");
    }
}
