use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};

/// What a request has to show who makes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credentials<'a> {
    None,
    /// A header that can't be read.
    Unreadable,
    Token(&'a str),
    /// The id of a session.
    Session(&'a str),
}

/// The names that the cookie of a session may have. Over TLS it has a prefix, by which a browser takes it over TLS only, and
/// with `__Host-` from this host only; such a cookie is for all paths of the host, which a gateway below a path is not. Of
/// several the first name here counts: one without a prefix may come from another host of the domain, or from a connection
/// without TLS.
pub(crate) const COOKIE_NAMES: [&str; 3] =
    ["__Host-rhaid_session", "__Secure-rhaid_session", "rhaid_session"];

impl<'a> Credentials<'a> {
    /// Those of the header `Authorization`, of the subprotocol `bearer.TOKEN` of a WebSocket, for which a browser can set no
    /// other header, or of a cookie; the first of these.
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        if let Some(value) = headers.get(AUTHORIZATION) {
            let token = value.to_str().ok().and_then(|value| value.split_once(' '));
            return match token {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Self::Token(token.trim()),
                _ => Self::Unreadable,
            };
        }
        let protocols =
            headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
        let token =
            protocols.flat_map(|value| value.split(',')).find_map(|one| one.trim().strip_prefix("bearer."));
        if let Some(token) = token {
            return Self::Token(token);
        }
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookies =
            cookies.flat_map(|value| value.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
        let ranked =
            cookies.filter_map(|(name, id)| Some((COOKIE_NAMES.iter().position(|one| *one == name)?, id)));
        // Of one name the first, as browsers send that of the longest path first.
        ranked.min_by_key(|(rank, _)| *rank).map_or(Self::None, |(_, id)| Self::Session(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_found_where_it_may_be() {
        fn headers(name: &'static str, value: &str) -> HeaderMap {
            HeaderMap::from_iter([(name.parse().expect("a name"), value.parse().expect("a value"))])
        }
        let of = |name, value: &str| format!("{:?}", Credentials::of(&headers(name, value)));
        assert_eq!(of("authorization", "Bearer abc"), r#"Token("abc")"#);
        assert_eq!(of("authorization", "bearer  abc "), r#"Token("abc")"#);
        assert_eq!(of("authorization", "Basic abc"), "Unreadable");
        assert_eq!(of("authorization", "abc"), "Unreadable");
        assert_eq!(of("sec-websocket-protocol", "rhaid.jsonrpc, bearer.abc"), r#"Token("abc")"#);
        assert_eq!(of("sec-websocket-protocol", "rhaid.jsonrpc"), "None");
        assert_eq!(of("cookie", "a=b; rhaid_session=abc; c=d"), r#"Session("abc")"#);
        assert_eq!(of("cookie", "__Host-rhaid_session=abc"), r#"Session("abc")"#);
        assert_eq!(of("cookie", "__Secure-rhaid_session=abc"), r#"Session("abc")"#);
        assert_eq!(of("cookie", "xrhaid_session=abc"), "None");
        let planted =
            "rhaid_session=a; __Secure-rhaid_session=b; __Host-rhaid_session=c; __Host-rhaid_session=d";
        assert_eq!(of("cookie", planted), r#"Session("c")"#);
        assert_eq!(of("cookie", "rhaid_session=a; __Secure-rhaid_session=b"), r#"Session("b")"#);
    }
}
