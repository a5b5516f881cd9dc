use crate::error::{ClientError, Refusal, RefusalCode};
use crate::rpc::Incoming;

/// What follows from a request that was refused with this status before a method ran.
pub(super) fn refused(status: u16, body: &[u8]) -> ClientError {
    if let Ok(incoming) = Incoming::read_all(body)
        && let Some(Incoming::Answer(None, Err(refusal))) = incoming.into_iter().next()
    {
        return refusal.into();
    }
    let text = String::from_utf8_lossy(&body[..body.len().min(200)]);
    let reason = format!("status {status}: {}", text.trim());
    match status {
        // Without an error object they come before the request was read: there are too many connections.
        429 | 502..=504 => ClientError::NotConnected { reason },
        401 => ClientError::Refused(Refusal::new(RefusalCode::Unauthorized, "Unauthorized", reason)),
        403 => ClientError::Refused(Refusal::new(RefusalCode::Forbidden, "Forbidden", reason)),
        _ => ClientError::bad_answer(reason),
    }
}
