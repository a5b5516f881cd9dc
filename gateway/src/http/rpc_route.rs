use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::body::read_body;
use super::peer::Peer;
use super::refusal::Refusal;
use crate::auth::Identity;
use crate::core::Core;
use crate::metrics::Entrance;
use crate::rpc::{Answer, Code, Id, Message};
use crate::session::{Calls, Client};

/// `POST /rpc`: one message, and its answer. Without an answer the status is 204.
pub(super) async fn rpc(
    State(core): State<Core>,
    Extension(identity): Extension<Identity>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, Refusal> {
    check_type(request.headers())?;
    let (max, timeout) = (core.config.max_message_bytes, core.config.body_timeout);
    let body = read_body(request.into_body(), max, timeout).await?;
    core.traffic.received(Entrance::Http, body.len());
    let client = Client::new(core, identity, peer.address);
    let text = match Message::parse(&body, client.core.config.max_batch) {
        Ok(message) => {
            let calls = Calls::new(&client, message, client.core.config.max_calls_per_connection);
            tokio::select! {
                biased;
                answer = calls.answer() => answer,
                // Its calls are dropped, and their tasks cancelled.
                () = client.core.auth.ended(&client.identity) => return Err(Refusal::unauthorized()),
            }
        }
        Err(error) => Some(Answer::error(&Id::null(), &error)),
    };
    Ok(match text {
        Some(answer) => {
            let answer = answer.into_text();
            client.core.traffic.sent(Entrance::Http, answer.len());
            ([(header::CONTENT_TYPE, "application/json")], answer).into_response()
        }
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// A form of a page elsewhere can't send this type without being asked for.
fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let typ = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let typ = typ.split(';').next().unwrap_or_default().trim();
    let is_json = ["application/json", "application/json-rpc", "application/jsonrequest"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(typ));
    match is_json {
        true => Ok(()),
        false => {
            let reason = "the content type has to be application/json";
            Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidRequest, reason))
        }
    }
}
