use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::refusal::Refusal;
use crate::auth::Refused;
use crate::core::Core;

/// Adds the identity of a request to its extensions. A request with a token or a session that is not valid is refused.
pub(super) async fn authenticate(
    State(core): State<Core>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    match core.auth.identify(request.headers()) {
        Ok(Some(identity)) => drop(request.extensions_mut().insert(identity)),
        Ok(None) => {}
        Err(Refused) => return Err(Refusal::unauthorized()),
    }
    Ok(next.run(request).await)
}
