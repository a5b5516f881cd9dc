use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::refusal::Refusal;
use crate::metrics::count_limit;
use crate::rpc::Code;

/// Reads a body of at most `max` bytes.
///
/// # Errors
/// If it is longer, takes longer, or can't be read.
pub(super) async fn read_body(body: Body, max: usize, timeout: Duration) -> Result<Bytes, Refusal> {
    match tokio::time::timeout(timeout, Limited::new(body, max).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let reason = format!("the message is longer than {max} bytes");
            Err(Refusal::limit(StatusCode::PAYLOAD_TOO_LARGE, "max_message_bytes", max, reason))
        }
        Ok(Err(error)) => {
            let reason = format!("the body could not be read: {error}");
            Err(Refusal::new(StatusCode::BAD_REQUEST, Code::InvalidRequest, reason))
        }
        Err(_) => {
            count_limit("body_timeout");
            let reason = format!("the body took longer than {timeout:?} (body_timeout)");
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, Code::LimitExceeded, reason))
        }
    }
}
