use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Uri, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rhai_dispatcher::RhaiDispatcher;
use rhai_dispatcher::transport::WallTime;

use crate::audit::AuditEntry;
use crate::auth::{Access, Identity, Scope};
use crate::core::Core;
use crate::http::Peer;

/// A request for a page: who makes it, and from where.
#[derive(Debug, Clone)]
pub(in crate::dashboard) struct Visit {
    pub(in crate::dashboard) core: Core,
    /// None on a page for everyone, without a token.
    pub(in crate::dashboard) identity: Option<Identity>,
    /// The way from the page that asks to the first one: `./`, `../` and so on. Links begin with it, so that the pages work
    /// below any path of a proxy.
    pub(in crate::dashboard) root: String,
    /// The query, as it was sent.
    pub(in crate::dashboard) query: String,
    /// Whether the page is to be kept current.
    pub(in crate::dashboard) wants_events: bool,
    /// The address of the client.
    pub(in crate::dashboard) address: IpAddr,
}

/// What is left as it is in a part of a path, or in a value of a query.
const UNCHANGED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text as a part of a path, or as a value of a query.
pub(in crate::dashboard) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNCHANGED).to_string()
}

impl Visit {
    /// That of a request.
    pub(super) fn new(
        core: &Core,
        uri: &Uri,
        headers: &HeaderMap,
        address: IpAddr,
        identity: Option<Identity>,
    ) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Self {
            core: core.clone(),
            identity,
            root: root_of_page(headers).unwrap_or_else(|| root_of_path(uri.path())),
            query: uri.query().unwrap_or_default().to_owned(),
            wants_events: accept.contains("text/event-stream"),
            address,
        }
    }

    /// The dispatcher of the caller.
    pub(in crate::dashboard) fn dispatcher(&self) -> &RhaiDispatcher {
        self.identity.as_ref().map_or(&self.core.dispatcher, Identity::dispatcher)
    }

    /// Adds to the audit log that the caller has done something.
    pub(in crate::dashboard) async fn audit(&self, action: &str, target: String, detail: Option<String>) {
        let entry = AuditEntry {
            at: WallTime::now(),
            caller_id: self.identity.as_ref().map(|identity| identity.caller_id().clone()),
            token_id: self.identity.as_ref().and_then(|identity| identity.token_id().cloned()),
            address: self.address,
            action: action.into(),
            target: Some(target.into()),
            detail: detail.map(Into::into),
        };
        self.core.audit.add(entry).await;
    }

    /// What the caller may do.
    pub(in crate::dashboard) fn scope(&self) -> Option<&Scope> {
        self.identity.as_ref().map(Identity::scope)
    }

    /// Whether the caller may do what needs `access`.
    pub(in crate::dashboard) fn allows(&self, access: Access) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.allows(access))
    }
}

impl FromRequestParts<Core> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, core: &Core) -> Result<Self, Infallible> {
        let identity = parts.extensions.get::<Identity>().cloned();
        Ok(Self::new(core, &parts.uri, &parts.headers, address_of(&parts.extensions), identity))
    }
}

/// The address of the client of a request. It is there in each request that has come through a socket.
pub(super) fn address_of(extensions: &Extensions) -> IpAddr {
    extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.address)
}

/// What a script of a page says of the page. Only the way up can be said.
fn root_of_page(headers: &HeaderMap) -> Option<String> {
    let root = headers.get("x-page-root")?.to_str().ok()?;
    let is_up = root == "./" || (!root.is_empty() && root.len() <= 64 && root.replace("../", "").is_empty());
    is_up.then(|| root.to_owned())
}

fn root_of_path(path: &str) -> String {
    match path.bytes().filter(|byte| *byte == b'/').count() {
        0 | 1 => "./".to_owned(),
        slashes => "../".repeat((slashes - 1).min(16)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_the_way_up() {
        let of = root_of_path;
        assert_eq!([of("/"), of("/tasks"), of("/tasks/1"), of("/a/b/c")], ["./", "./", "../", "../../"]);
        let of = |root: &str| {
            root_of_page(&HeaderMap::from_iter([(
                "x-page-root".parse().expect("a name"),
                root.parse().expect("a value"),
            )]))
        };
        assert_eq!(of("../../").as_deref(), Some("../../"));
        assert_eq!([of("//evil.example/"), of("javascript:"), of(""), of(".././")], [None, None, None, None]);
        assert_eq!(encode("a b/é&\"<"), "a%20b%2F%C3%A9%26%22%3C");
    }
}
