use std::future::Future;
use std::sync::Arc;

use super::caller::Caller;
use super::channel::Channel;
use super::options::ServiceOptions;
use super::remote::Route;
use super::requests::Requests;
use super::restart_policy::RestartPolicy;
use super::signature::Signature;
use super::supervisor::{WorkerPanicked, supervise};
use super::worker_end::WorkerEnd;

/// A typed service: workers that answer the requests of their callers.
///
/// The value itself is what all workers of the service share, such as a pool of connections; most services share nothing
/// and are a unit struct. The config is what one worker owns.
///
/// # Examples
/// A map as a service, which answers one request after the other:
///
/// ```
/// use std::collections::HashMap;
///
/// use rhai_dispatcher_core::{NoError, Requests, Service};
///
/// struct ExampleService {}
///
/// struct ExampleConfig {
///     data: HashMap<String, String>,
/// }
///
/// enum ExampleRequest {
///     Get { key: String },
///     Set { key: String, value: String },
/// }
///
/// #[derive(Debug, PartialEq)]
/// enum ExampleResponse {
///     StringResponse(String),
///     EmptyResponse,
/// }
///
/// impl Service for ExampleService {
///     type Request = ExampleRequest;
///     type Response = ExampleResponse;
///     type Error = NoError;
///     type Config = ExampleConfig;
///     type Output = ();
///
///     async fn run(self, config: ExampleConfig, requests: Requests<Self>) {
///         let answer = async |data: &mut HashMap<_, _>, request| match request {
///             ExampleRequest::Get { key } => Ok(match data.get(&key) {
///                 Some(value) => ExampleResponse::StringResponse(String::clone(value)),
///                 None => ExampleResponse::EmptyResponse,
///             }),
///             ExampleRequest::Set { key, value } => {
///                 data.insert(key, value);
///                 Ok(ExampleResponse::EmptyResponse)
///             }
///         };
///         requests.answer_each(config.data, answer).await;
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let service = ExampleService {};
/// let config = ExampleConfig { data: HashMap::new() };
/// let (worker, caller) = service.start(32, config);
/// let task = tokio::spawn(worker); // or any other executor
///
/// let set = ExampleRequest::Set { key: "test".to_string(), value: "value".to_string() };
/// assert_eq!(caller.send_request(set).await, Ok(ExampleResponse::EmptyResponse));
///
/// let key = "test".to_string();
/// let request = ExampleRequest::Get { key };
/// let value = match caller.send_request(request).await {
///     Ok(response) => match response {
///         ExampleResponse::StringResponse(value) => Some(value),
///         ExampleResponse::EmptyResponse => None,
///     },
///     Err(_error) => {
///         eprintln!("error getting test key!");
///         None
///     }
/// };
/// assert_eq!(value.as_deref(), Some("value"));
///
/// drop(caller); // the last one: the worker ends
/// task.await.unwrap();
/// # }
/// ```
pub trait Service: Sized {
    /// What a caller sends.
    type Request;
    /// What it gets back.
    type Response;
    /// Why the service refuses or fails a request.
    type Error;
    /// What a worker is started with, and owns.
    type Config;
    /// What a worker returns when it ends: what `start`'s future resolves to.
    type Output;

    /// A worker: it receives requests and replies to them until there are no more.
    ///
    /// Most call [`Requests::answer_each`] or [`Requests::answer_concurrently`]. A worker with a loop of its own calls
    /// [`Requests::next`], beside whatever else it waits for:
    ///
    /// ```
    /// # use rhai_dispatcher_core::{NoError, Received, Requests, Service};
    /// struct Counter;
    ///
    /// impl Service for Counter {
    ///     type Request = u64;
    ///     type Response = u64;
    ///     type Error = NoError;
    ///     type Config = ();
    ///     /// The last count.
    ///     type Output = u64;
    ///
    ///     async fn run(self, _: (), mut requests: Requests<Self>) -> u64 {
    ///         let mut count = 0;
    ///         while let Some(Received { request, reply }) = requests.next().await {
    ///             count += request;
    ///             reply.send(Ok(count));
    ///         }
    ///         count
    ///     }
    /// }
    /// ```
    fn run(self, config: Self::Config, requests: Requests<Self>) -> impl Future<Output = Self::Output>;

    /// Starts the service with one worker. `options` are its backlog, or [`ServiceOptions`].
    ///
    /// The worker runs while its future is polled, on any executor, and ends when the last caller is dropped and the
    /// queued requests are answered. A panic of [`run`](Self::run) is one of the future. Dropping the future ends the
    /// worker: calls that wait end in an error.
    fn start(
        self,
        options: impl Into<ServiceOptions>,
        config: Self::Config,
    ) -> (impl Future<Output = Self::Output>, Caller<Self>) {
        let (end, caller) = channel(options.into());
        let worker = async move { self.run(config, Requests::new(end)).await };
        (worker, caller)
    }

    /// Starts the service with one worker, which is started again after a panic as `policy` says, with a config that
    /// `config` makes for each start.
    ///
    /// The panic's request ends in [`NoReply`](crate::CallError::NoReply). Queued ones wait for the restart. What the
    /// service's value shares has to bear a panic of a worker that uses it. A worker that was started after the last caller
    /// and the last request, and panics, is not started again.
    fn start_supervised(
        self,
        options: impl Into<ServiceOptions>,
        policy: RestartPolicy,
        mut config: impl FnMut() -> Self::Config,
    ) -> (impl Future<Output = Result<Self::Output, WorkerPanicked>>, Caller<Self>)
    where
        Self: Clone,
    {
        let (end, caller) = channel(options.into());
        let worker = supervise(end, policy, move |requests| self.clone().run(config(), requests));
        (worker, caller)
    }

    /// Starts the service with `workers` supervised workers, at least 1, behind one caller: each request goes to one
    /// that is free. The futures can be spawned on different threads.
    fn start_pool(
        self,
        workers: usize,
        options: impl Into<ServiceOptions>,
        policy: RestartPolicy,
        config: impl Fn() -> Self::Config,
    ) -> (Vec<impl Future<Output = Result<Self::Output, WorkerPanicked>>>, Caller<Self>)
    where
        Self: Clone,
    {
        let (end, caller) = channel(options.into());
        let config = Arc::new(config);
        let workers = (0..workers.max(1)).map(|_| {
            let (service, config) = (self.clone(), Arc::clone(&config));
            supervise(end.clone(), policy, move |requests| service.clone().run(config(), requests))
        });
        (workers.collect(), caller)
    }
}

impl<S: Service> Signature for S {
    type Request = S::Request;
    type Response = S::Response;
    type Error = S::Error;
}

fn channel<S: Signature>(options: ServiceOptions) -> (WorkerEnd<S>, Caller<S>) {
    let ServiceOptions { backlog, timeout, clock } = options;
    let channel = Arc::new(Channel::new(backlog.max(1), clock));
    (WorkerEnd::new(Arc::clone(&channel)), Caller::new(Route::Local(channel), timeout))
}
