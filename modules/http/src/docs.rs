use rhai_dispatcher_engine::{FunctionDoc, ModuleDoc};

/// The reference of the functions.
pub(crate) static DOCS: ModuleDoc = ModuleDoc::new("HTTP", ABOUT, &[FUNCTIONS]);

const ABOUT: &str = "\
Calls over HTTP, to public addresses and to hosts that the worker allows. In Rust: feature `http`, `HttpModule`; `rhaid` \
always has them.

The answer is an object map with `status`, `ok`, `headers`, `body` and more. An answer such as 404 is not an error. A call \
without an answer is one that can be caught: an object map with `kind` (`invalid`, `refused`, `resolve`, `connect`, \
`network`, `timeout`, `redirect` or `too_large`), `message`, `value` (unit) and `line`. A body that is a map or an array is sent as JSON, a string \
as text, a blob as it is, and unit as none. The options, answers, retries and errors are in \
[modules/http](../modules/http/README.md).";

const ERRORS: &str =
    "The call got no answer, or an option is wrong; the message then begins with the option's name.";

const FUNCTIONS: &[FunctionDoc] = &[
    FunctionDoc::new("http_get", &["http_get(url)", "http_get(url, options)"], "The answer to a GET.")
        .errors(ERRORS)
        .example("http_get(\"https://api.example.com/things\", #{ timeout: 5 }).status", "200")
        .with_async(),
    FunctionDoc::new(
        "http_post",
        &["http_post(url, body)", "http_post(url, body, options)"],
        "The answer to a POST. It is retried only with an `Idempotency-Key` header, or if it did not reach the server.",
    )
    .errors(ERRORS)
    .example("http_post(\"https://api.example.com/things\", #{ name: \"tea\" }).ok", "true")
    .with_async(),
    FunctionDoc::new(
        "http_put",
        &["http_put(url, body)", "http_put(url, body, options)"],
        "The answer to a PUT. It is retried like a GET, so the server may receive it more than once.",
    )
    .errors(ERRORS)
    .example("http_put(\"https://api.example.com/things/7\", #{ name: \"tea\" }).ok", "true")
    .with_async(),
    FunctionDoc::new(
        "http_patch",
        &["http_patch(url, body)", "http_patch(url, body, options)"],
        "The answer to a PATCH. It is retried like a POST.",
    )
    .errors(ERRORS)
    .example("http_patch(\"https://api.example.com/things/7\", #{ name: \"tea\" }).ok", "true")
    .with_async(),
    FunctionDoc::new(
        "http_delete",
        &["http_delete(url)", "http_delete(url, options)"],
        "The answer to a DELETE. It is retried like a GET, so the server may receive it more than once.",
    )
    .errors(ERRORS)
    .example("http_delete(\"https://api.example.com/things/7\").ok", "true")
    .with_async(),
    FunctionDoc::new(
        "http_request",
        &["http_request(options)"],
        "The answer to any request: the options are those of the other functions, with `url` and `method`, which is by \
         default `GET`.",
    )
    .errors(ERRORS)
    .example("http_request(#{ method: \"HEAD\", url: \"https://api.example.com/things\" }).status", "200")
    .with_async(),
];
