use rhai_dispatcher_core::Invalid;
use tokio_tungstenite::tungstenite::http::Uri;

/// Where a gateway is, and by what it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) scheme: Scheme,
    pub(crate) is_tls: bool,
    /// A name, or an address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The whole URL, with its path.
    pub(crate) url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    WebSocket,
    Http,
}

const HINT: &str = "use ws://HOST:PORT/ws, wss://, http://HOST:PORT/rpc or https://";

impl Address {
    /// Reads a URL. Without a path it gets that of a gateway.
    pub(crate) fn parse(url: &str) -> Result<Self, Invalid> {
        let refuse = |problem: String| Invalid::new("url", problem, HINT);
        let uri: Uri = url.parse().map_err(|error| refuse(format!("can't be read: {error}")))?;
        let (scheme, is_tls, default_port) = match uri.scheme_str() {
            Some("ws") => (Scheme::WebSocket, false, 80),
            Some("wss") => (Scheme::WebSocket, true, 443),
            Some("http") => (Scheme::Http, false, 80),
            Some("https") => (Scheme::Http, true, 443),
            Some(other) => return Err(refuse(format!("has the scheme {other:?}"))),
            None => return Err(refuse("has no scheme".to_owned())),
        };
        let authority = uri.authority().ok_or_else(|| refuse("has no host".to_owned()))?;
        if authority.as_str().contains('@') {
            let hint = "give the token to the builder";
            return Err(Invalid::new("url", "has a user or a password", hint));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(refuse("has no host".to_owned()));
        }
        let path = match (uri.path_and_query().map_or("/", |path| path.as_str()), scheme) {
            ("/" | "", Scheme::WebSocket) => "/ws",
            ("/" | "", Scheme::Http) => "/rpc",
            (path, _) => path,
        };
        let url = format!("{}://{authority}{path}", uri.scheme_str().unwrap_or_default());
        Ok(Self { scheme, is_tls, host, port: authority.port_u16().unwrap_or(default_port), url })
    }

    /// With the setting of a WebSocket that keeps the tasks of its calls.
    pub(crate) fn keeping_tasks(mut self) -> Self {
        self.url.push(if self.url.contains('?') { '&' } else { '?' });
        self.url.push_str("keep=true");
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_gets_the_path_and_port_of_a_gateway() {
        let parsed = |url: &str| Address::parse(url).expect(url);
        let address = parsed("ws://127.0.0.1:8080");
        assert_eq!((&*address.url, address.port), ("ws://127.0.0.1:8080/ws", 8080));
        assert_eq!(address.keeping_tasks().url, "ws://127.0.0.1:8080/ws?keep=true");
        let address = parsed("https://[::1]/");
        assert_eq!((&*address.url, &*address.host, address.port), ("https://[::1]/rpc", "::1", 443));
        assert!(address.is_tls);
        assert_eq!(parsed("wss://shop.example/tasks/ws?a=1").url, "wss://shop.example/tasks/ws?a=1");
        assert_eq!(parsed("ws://h/ws?a=1").keeping_tasks().url, "ws://h/ws?a=1&keep=true");
    }

    #[test]
    fn url_that_leads_nowhere_is_refused() {
        for url in ["", "redis://h/", "/ws", "127.0.0.1:8080", "ws://", "ws://a b/", "ws://ann:pw@h/"] {
            assert_eq!(Address::parse(url).expect_err(url).field, "url");
        }
    }
}
