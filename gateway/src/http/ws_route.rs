use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Extension, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::peer::Peer;
use crate::auth::Identity;
use crate::core::Core;
use crate::metrics::Counted;
use crate::server::GatePermit;
use crate::session::{Client, Connection};

/// The settings of a connection, in the query.
#[derive(Debug, Deserialize)]
pub(super) struct Settings {
    /// Whether the tasks of its calls are kept when the client leaves.
    #[serde(default)]
    keep: bool,
}

/// The subprotocol of a client that names none of its own need not be confirmed; this one is.
const PROTOCOL: &str = "rhaid.jsonrpc";

/// Each connection has buffers of this size, and more only while a message needs it.
const BUFFER_BYTES: usize = 8 * 1024;

/// `GET /ws`: JSON-RPC over a WebSocket.
pub(super) async fn ws(
    State(core): State<Core>,
    Extension(identity): Extension<Identity>,
    Extension(peer): Extension<Peer>,
    Extension(permit): Extension<GatePermit>,
    Query(settings): Query<Settings>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let max = core.config.max_message_bytes;
    let client = Client::new(core, identity, peer.address).over_socket(settings.keep);
    upgrade
        .protocols([PROTOCOL])
        .max_message_size(max)
        .max_frame_size(max)
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .on_failed_upgrade(|error| tracing::debug!(%error, "a WebSocket was not upgraded"))
        .on_upgrade(|socket| async move {
            let _counted = Counted::new(&client.core.traffic.websockets);
            Connection::new(client).run(socket).await;
            drop(permit);
        })
}
