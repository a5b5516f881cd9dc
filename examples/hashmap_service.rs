//! A HashMap as a service, shared by two clients.
//!
//! Run it with `cargo run --example hashmap_service`. It prints `None`, and then `Some("value")`.

#![allow(clippy::print_stdout, reason = "it prints what it reads")]

use std::collections::HashMap;

use rhai_dispatcher::service::{CallError, Caller, NoError, Requests, Service};
use tokio::sync::oneshot;

struct ExampleService {}

struct ExampleConfig {
    data: HashMap<String, String>,
}

enum ExampleRequest {
    Get { key: String },
    Set { key: String, value: String },
}

enum ExampleResponse {
    StringResponse(String),
    EmptyResponse,
}

impl Service for ExampleService {
    type Request = ExampleRequest;
    type Response = ExampleResponse;
    type Error = NoError;
    type Config = ExampleConfig;
    type Output = ();

    async fn run(self, config: ExampleConfig, requests: Requests<Self>) {
        let answer = async |data: &mut HashMap<_, _>, request| match request {
            ExampleRequest::Get { key } => Ok(match data.get(&key) {
                Some(value) => ExampleResponse::StringResponse(String::clone(value)),
                None => ExampleResponse::EmptyResponse,
            }),
            ExampleRequest::Set { key, value } => {
                data.insert(key, value);
                Ok(ExampleResponse::EmptyResponse)
            }
        };
        requests.answer_each(config.data, answer).await;
    }
}

async fn test_key(caller: &Caller<ExampleService>) -> Result<Option<String>, CallError<NoError>> {
    match caller.send_request(ExampleRequest::Get { key: "test".to_string() }).await? {
        ExampleResponse::StringResponse(value) => Ok(Some(value)),
        ExampleResponse::EmptyResponse => Ok(None),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = ExampleService {};
    let config = ExampleConfig { data: HashMap::new() };
    let (worker, caller) = service.start(32, config);
    let worker = tokio::spawn(worker);

    // The writer waits until the reader has found nothing, and the reader until the writer is done.
    let (unset, is_unset) = oneshot::channel();
    let (set, is_set) = oneshot::channel();
    let writer = caller.clone();
    let writer = tokio::spawn(async move {
        is_unset.await.expect("the reader reads");
        let request = ExampleRequest::Set { key: "test".to_string(), value: "value".to_string() };
        writer.send_request(request).await?;
        set.send(()).expect("the reader waits");
        Ok::<_, CallError<NoError>>(())
    });
    let reader = tokio::spawn(async move {
        println!("{:?}", test_key(&caller).await?);
        unset.send(()).expect("the writer waits");
        is_set.await.expect("the writer writes");
        println!("{:?}", test_key(&caller).await?);
        Ok::<_, CallError<NoError>>(())
    });
    writer.await??;
    reader.await??;
    worker.await?; // it has ended with the last caller
    Ok(())
}
