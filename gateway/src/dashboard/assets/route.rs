use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::asset::{ASSETS, version};

/// `GET /assets/{version}/{name}`: a file that pages use.
///
/// Under the version of this program it never changes. A page of another version, while one is rolled out, gets the file as
/// it is here, and asks again each time.
pub(in crate::dashboard) async fn asset(
    Path((asked, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return (StatusCode::NOT_FOUND, "no file has this name\n").into_response();
    };
    let tag = format!("\"{}\"", version());
    let cache = match asked == version() {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let own = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, cache.to_owned())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, own).into_response();
    }
    (own, [(header::CONTENT_TYPE, asset.content_type)], asset.bytes).into_response()
}
