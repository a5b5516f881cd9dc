use axum::response::Html;

/// `GET /`: names the endpoints.
pub(super) async fn index() -> Html<&'static str> {
    Html(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>rhai-dispatcher</title>\n\
         <h1>rhai-dispatcher</h1>\n<p>JSON-RPC 2.0: <code>POST /rpc</code>, and <code>/ws</code> for WebSockets. The \
         method <code>rpc.discover</code> describes all others.</p>\n",
    )
}
