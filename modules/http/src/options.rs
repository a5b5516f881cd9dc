use std::time::Duration;

use bytes::Bytes;
use rhai::{Blob, Dynamic, Map};
use rhai_dispatcher_engine::{Secret, to_json};

use crate::form::type_in_words;
use crate::response::Shown;
use crate::{Form, HttpConfig, HttpError, HttpRequest};

/// The arguments of a script's call: the request, and the form of the answer.
#[derive(Debug)]
pub(crate) struct ScriptRequest {
    pub(crate) request: HttpRequest,
    pub(crate) shown: Shown,
}

/// The options of all functions; `http_request` also takes `method` and `url`.
const OPTIONS: &str =
    "headers, json, form, body, bearer, timeout, retries, max_redirects, max_bytes, parse_json, body_bytes";

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";

impl ScriptRequest {
    /// `http_get(url, options)` and the like.
    pub(crate) fn new(
        method: &str,
        url: &Dynamic,
        options: &Dynamic,
        config: &HttpConfig,
    ) -> Result<Self, HttpError> {
        let request = HttpRequest::new(method, &string("url", url)?)?;
        let options = if options.is_unit() { Map::new() } else { map("options", options)? };
        Self { request, shown: Shown::default() }.with_options(options, config)
    }

    /// `http_request(options)`.
    pub(crate) fn of_map(options: &Dynamic, config: &HttpConfig) -> Result<Self, HttpError> {
        let mut options = map("options", options)?;
        let url = options.remove("url").ok_or_else(|| HttpError::invalid("url", "it is missing"))?;
        let method = match options.remove("method") {
            Some(method) => string("method", &method)?,
            None => "GET".to_owned(),
        };
        Self::new(&method, &url, &options.into(), config)
    }

    /// The body of `http_post(url, body)`: text, bytes, or a value that is sent as JSON.
    pub(crate) fn with_any_body(self, body: &Dynamic, config: &HttpConfig) -> Result<Self, HttpError> {
        if body.is_unit() {
            return Ok(self);
        }
        if !self.request.body.is_empty() {
            return Err(HttpError::invalid("options", "the body is given already"));
        }
        if body.is_map() || body.is_array() {
            return self.with_json("body", body, config);
        }
        self.with_body("body", body)
    }

    fn with_options(mut self, mut options: Map, config: &HttpConfig) -> Result<Self, HttpError> {
        let bodies: Vec<_> =
            ["json", "form", "body"].into_iter().filter(|name| options.contains_key(*name)).collect();
        if let [_, second, ..] = *bodies {
            return Err(HttpError::invalid(second, "a call has one body: json, form or body"));
        }
        // Headers first: a content type that the script sets overrides the default of the body.
        if let Some(headers) = options.remove("headers") {
            for (name, value) in map("headers", &headers)? {
                self.request =
                    with_header_value(self.request, &name, "", &format!("headers.{name}"), &value)?;
            }
        }
        for (name, value) in options {
            self = self.with_option(&name, &value, config)?;
        }
        Ok(self)
    }

    fn with_option(self, name: &str, value: &Dynamic, config: &HttpConfig) -> Result<Self, HttpError> {
        let Self { request, mut shown } = self;
        let request = match name {
            "json" => return Self { request, shown }.with_json("json", value, config),
            "form" => return Self { request, shown }.with_form(value),
            "body" => return Self { request, shown }.with_body("body", value),
            "parse_json" => {
                shown.parse_json = yes_or_no(name, value)?;
                request
            }
            "body_bytes" => {
                shown.body_bytes = yes_or_no(name, value)?;
                request
            }
            "bearer" => with_header_value(request, "authorization", "Bearer ", name, value)?,
            "timeout" => request.with_timeout(seconds(name, value, config.max_timeout)?),
            "retries" => request.with_retries(whole(name, value, config.max_retries)?),
            "max_redirects" => request.with_max_redirects(whole(name, value, config.max_redirects)?),
            "max_bytes" => {
                let limit = u32::try_from(config.max_response_bytes).unwrap_or(u32::MAX);
                let max = whole(name, value, limit)?;
                request.with_max_response_bytes(usize::try_from(max).unwrap_or(usize::MAX))
            }
            _ => {
                let name: String = name.chars().take(64).collect();
                let problem = format!("this option does not exist; the options are {OPTIONS}");
                return Err(HttpError::invalid(&name, problem));
            }
        };
        Ok(Self { request, shown })
    }

    fn with_body(self, field: &str, body: &Dynamic) -> Result<Self, HttpError> {
        if let Some(bytes) = body.read_lock::<Blob>() {
            return self.with_bytes(Bytes::copy_from_slice(&bytes), BYTES);
        }
        let text = if body.is::<Secret>() { Secret::REDACTED.to_owned() } else { string(field, body)? };
        self.with_bytes(text.into(), TEXT)
    }

    fn with_json(self, field: &str, value: &Dynamic, config: &HttpConfig) -> Result<Self, HttpError> {
        let json = to_json(value, config.max_request_bytes, "it")
            .map_err(|problem| HttpError::invalid(field, problem))?;
        self.with_bytes(json.into(), JSON)
    }

    fn with_form(self, value: &Dynamic) -> Result<Self, HttpError> {
        let form = Form::of(&map("form", value)?)?;
        self.with_bytes(form.encoded().into(), Form::CONTENT_TYPE)
    }

    fn with_bytes(mut self, body: Bytes, content_type: &str) -> Result<Self, HttpError> {
        if !self.request.has_header("content-type") {
            self.request = self.request.with_header("content-type", content_type)?;
        }
        self.request = self.request.with_body(body);
        Ok(self)
    }
}

/// A header whose value is a text, a number or a secret.
fn with_header_value(
    request: HttpRequest,
    name: &str,
    prefix: &str,
    field: &str,
    value: &Dynamic,
) -> Result<HttpRequest, HttpError> {
    if let Some(secret) = value.read_lock::<Secret>() {
        return request.with_secret_header(name, prefix, &secret);
    }
    let text = match value.as_int() {
        Ok(int) => int.to_string(),
        Err(_) => string(field, value)?,
    };
    request.with_header(name, &format!("{prefix}{text}"))
}

fn string(field: &str, value: &Dynamic) -> Result<String, HttpError> {
    let text = value.as_immutable_string_ref();
    text.map(|text| text.to_string()).map_err(|_| wrong(field, value, "a string"))
}

fn map(field: &str, value: &Dynamic) -> Result<Map, HttpError> {
    value.as_map_ref().map(|map| map.clone()).map_err(|_| wrong(field, value, "an object map"))
}

fn yes_or_no(field: &str, value: &Dynamic) -> Result<bool, HttpError> {
    value.as_bool().map_err(|_| wrong(field, value, "true or false"))
}

fn whole(field: &str, value: &Dynamic, max: u32) -> Result<u32, HttpError> {
    let number = value.as_int().map_err(|_| wrong(field, value, "a whole number"))?;
    match u32::try_from(number) {
        Ok(number) if number <= max => Ok(number),
        _ => Err(HttpError::invalid(field, format_args!("it is {number}, and should be from 0 to {max}"))),
    }
}

fn seconds(field: &str, value: &Dynamic, max: Duration) -> Result<Duration, HttpError> {
    #[expect(clippy::cast_precision_loss, reason = "so many seconds are out of range anyway")]
    let number = match (value.as_int(), value.as_float()) {
        (Ok(int), _) => int as f64,
        (_, Ok(float)) => float,
        _ => return Err(wrong(field, value, "a number of seconds")),
    };
    match Duration::try_from_secs_f64(number) {
        Ok(duration) if !duration.is_zero() && duration <= max => Ok(duration),
        _ => {
            let max = max.as_secs_f64();
            let problem = format!("it is {number}, and should be above 0 and at most {max} seconds");
            Err(HttpError::invalid(field, problem))
        }
    }
}

fn wrong(field: &str, value: &Dynamic, wanted: &str) -> HttpError {
    HttpError::invalid(field, format_args!("it is {}, not {wanted}", type_in_words(value)))
}
