use std::collections::HashMap;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Response, StatusCode};
use rhai_dispatcher_core::Invalid;
use tokio::time::{Instant, timeout_at};

use super::bearer::bearer;
use super::refused::refused;
use super::untrusted::untrusted;
use crate::address::Address;
use crate::config::ClientConfig;
use crate::error::ClientError;
use crate::rpc::{Incoming, Outgoing, RawAnswer};

/// `POST /rpc`: a request for each message.
#[derive(Debug)]
pub(crate) struct HttpLink {
    client: Client,
    url: String,
    max_answer_bytes: usize,
}

impl HttpLink {
    pub(super) fn new(
        address: Address,
        token: Option<&str>,
        tls: rustls::ClientConfig,
        config: &ClientConfig,
    ) -> Result<Self, Invalid> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(value) = token.map(bearer).transpose()? {
            headers.insert(AUTHORIZATION, value);
        }
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .default_headers(headers)
            .connect_timeout(config.connect_timeout)
            .tcp_nodelay(true)
            // A request that may have been carried out is never repeated, and a token goes to no other address.
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Invalid::new("url", error.to_string(), "use another URL"))?;
        Ok(Self { client, url: address.url, max_answer_bytes: config.max_answer_bytes })
    }

    pub(super) async fn exchange(
        &self,
        message: Outgoing,
        deadline: Instant,
    ) -> Result<Vec<RawAnswer>, ClientError> {
        let ids = if message.has_answer { message.ids.clone() } else { 0..0 };
        let exchanged = timeout_at(deadline, self.post(message.text)).await;
        let late = ClientError::TimedOut { task_id: None, may_have_run: true };
        let Some(body) = exchanged.map_err(|_| late)?? else { return Ok(Vec::new()) };
        let mut answers = HashMap::new();
        for incoming in Incoming::read_all(&body)? {
            match incoming {
                Incoming::Answer(Some(id), answer) => drop(answers.insert(id, answer)),
                Incoming::Answer(None, Err(refusal)) => return Err(refusal.into()),
                _ => {}
            }
        }
        let missing = || ClientError::bad_answer("a call of the message has no answer");
        ids.map(|id| answers.remove(&id).ok_or_else(missing)).collect()
    }

    /// The body of the answer, if it has one.
    async fn post(&self, text: String) -> Result<Option<Vec<u8>>, ClientError> {
        let response = self.client.post(&self.url).body(text).send().await.map_err(not_answered)?;
        let status = response.status();
        let body = self.body(response).await?;
        match status {
            StatusCode::OK => Ok(Some(body)),
            StatusCode::NO_CONTENT => Ok(None),
            status => Err(refused(status.as_u16(), &body)),
        }
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, ClientError> {
        let max = self.max_answer_bytes;
        let mut body = Vec::new();
        let lost = |error| ClientError::ConnectionLost { reason: with_causes(&error) };
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > max {
                return Err(ClientError::bad_answer(format!(
                    "it is longer than {max} bytes (max_answer_bytes)"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn not_answered(error: reqwest::Error) -> ClientError {
    let reason = with_causes(&error);
    match error.is_connect() {
        true => untrusted(&error).unwrap_or(ClientError::NotConnected { reason }),
        false => ClientError::ConnectionLost { reason },
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
