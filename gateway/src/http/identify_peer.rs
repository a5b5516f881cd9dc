use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Extension, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::peer::Peer;
use crate::core::Core;
use crate::server::IsTls;

/// Adds the [`Peer`] of a request to its extensions.
pub(super) async fn identify_peer(
    State(core): State<Core>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    Extension(IsTls(is_tls)): Extension<IsTls>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = Peer::of(connection, is_tls, request.headers(), &core.config);
    request.extensions_mut().insert(peer);
    next.run(request).await
}
