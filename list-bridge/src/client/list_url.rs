use rhai_dispatcher_core::Invalid;

/// The URL of a Redis server with `protocol=list` in its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListUrl {
    server: String,
}

impl ListUrl {
    /// Parses a URL; `None` if its query names no protocol.
    ///
    /// # Errors
    /// If it names another protocol than `list`.
    pub fn parse(url: &str) -> Result<Option<Self>, Invalid> {
        // A password may have a ? in it, a host may not.
        let Some(at) = url.rfind('?').filter(|at| url.rfind('@').is_none_or(|user| user < *at)) else {
            return Ok(None);
        };
        let (server, query) = (&url[..at], &url[at + 1..]);
        let (named, others): (Vec<_>, Vec<_>) =
            query.split('&').partition(|pair| pair.split('=').next() == Some("protocol"));
        match &named[..] {
            [] => Ok(None),
            ["protocol=list"] => {
                let query = others.join("&");
                let separator = if query.is_empty() { "" } else { "?" };
                Ok(Some(Self { server: format!("{server}{separator}{query}") }))
            }
            _ => Err(Invalid::new(
                "url",
                "has a protocol that is not known",
                "write protocol=list, or leave it out: redis://host/?protocol=list",
            )),
        }
    }

    /// The URL of the server alone.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_names_the_protocol() {
        for (url, server) in [
            ("redis://host/?protocol=list", "redis://host/"),
            ("redis://host?protocol=list", "redis://host"),
            ("redis://ann:pass?word@host:7000/3?protocol=list", "redis://ann:pass?word@host:7000/3"),
            ("redis+unix:///run/redis.sock?db=2&protocol=list", "redis+unix:///run/redis.sock?db=2"),
        ] {
            let parsed = ListUrl::parse(url).expect(url).expect("the list protocol");
            assert_eq!(parsed.server(), server);
        }
        for other in ["redis://host/", "redis+unix:///run/redis.sock?db=2", "redis://:protocol=list?@host"] {
            assert_eq!(ListUrl::parse(other).expect(other), None);
        }
        for bad in [
            "redis://host/?protocol=lists",
            "redis://host/?protocol",
            "redis://h/?protocol=list&protocol=list",
        ] {
            assert_eq!(ListUrl::parse(bad).expect_err(bad).field, "url");
        }
    }
}
