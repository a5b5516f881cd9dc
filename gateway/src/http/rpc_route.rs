use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::refusal::Refusal;
use crate::auth::Identity;
use crate::core::Core;
use crate::rpc::{Answer, Code, Id, Message};
use crate::session::{Calls, Client};

/// `POST /rpc`: one message, and its answer. Without an answer the status is 204.
pub(super) async fn rpc(
    State(core): State<Core>,
    Extension(identity): Extension<Identity>,
    request: Request,
) -> Result<Response, Refusal> {
    check_type(request.headers())?;
    let body = read(request.into_body(), &core).await?;
    let client = Client { keep: false, is_socket: false, core, identity };
    let text = match Message::parse(&body, client.core.config.max_batch) {
        Ok(message) => {
            Calls::new(&client, message, client.core.config.max_calls_per_connection).answer().await
        }
        Err(error) => Some(Answer::error(&Id::null(), &error)),
    };
    Ok(match text {
        Some(answer) => ([(header::CONTENT_TYPE, "application/json")], answer.into_text()).into_response(),
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

async fn read(body: Body, core: &Core) -> Result<Bytes, Refusal> {
    let (max, timeout) = (core.config.max_message_bytes, core.config.body_timeout);
    let body = tokio::time::timeout(timeout, Limited::new(body, max).collect()).await;
    match body {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let reason = format!("the message is longer than {max} bytes (max_message_bytes)");
            Err(Refusal::limit(StatusCode::PAYLOAD_TOO_LARGE, "max_message_bytes", max, reason))
        }
        Ok(Err(error)) => {
            let reason = format!("the body could not be read: {error}");
            Err(Refusal::new(StatusCode::BAD_REQUEST, Code::InvalidRequest, reason))
        }
        Err(_) => {
            let reason = format!("the body took longer than {timeout:?} (body_timeout)");
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, Code::LimitExceeded, reason))
        }
    }
}
