use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::ws::{Message as Frame, WebSocket, close_code};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, SplitStream};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::calls::Replies;
use super::life_signs::{Due, LifeSigns};
use super::outbox::{Closed, Outbox};
use super::subscriptions::Subscriptions;
use super::{Calls, Client};
use crate::core::Phase;
use crate::method::Done;
use crate::metrics::{Entrance, count_limit};
use crate::rpc::{Answer, ErrorObject, Id, Message};

/// One WebSocket. Its requests run beside each other, and each is answered when it is done.
///
/// When its client leaves, it is dropped with its calls, whose tasks are cancelled by that.
pub(crate) struct Connection {
    client: Client,
    calls: FuturesUnordered<BoxFuture<'static, (Kind, Replies)>>,
    /// How many requests run.
    in_flight: usize,
    subscriptions: Subscriptions,
    life_signs: LifeSigns,
}

/// How a message was sent, and is answered.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Binary,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client has left.
    Left,
    /// The connection is gone, or is to be gone at once.
    Cut,
    /// The gateway closes it, with a code and a reason. Clients take it from `IDLE` and `SHUTDOWN` that no call which has no
    /// answer was begun: nothing that comes after them is looked at.
    Close(u16, &'static str),
}

const IDLE: End = End::Close(close_code::NORMAL, "idle");
const SHUTDOWN: End = End::Close(close_code::AWAY, "the gateway shuts down");

/// How long a client may take to read what waits for it once its connection ends.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it may then take to close its end.
const CLOSING: Duration = Duration::from_secs(1);

impl Connection {
    pub(crate) fn new(client: Client) -> Self {
        let life_signs = LifeSigns::new(&client.core.config, Instant::now());
        Self {
            client,
            calls: FuturesUnordered::new(),
            in_flight: 0,
            subscriptions: Subscriptions::default(),
            life_signs,
        }
    }

    /// Serves until the client leaves, breaks a limit, its token ends, or the gateway shuts down.
    pub(crate) async fn run(mut self, socket: WebSocket) {
        let core = self.client.core.clone();
        let (outbox, writer) = Outbox::new(&core.config);
        let (sink, mut stream) = socket.split();
        // In one task: the connection is dropped with it as a whole.
        let writing = writer.run(sink);
        tokio::pin!(writing);
        let end = self.serve_until_end(&mut stream, &outbox, writing.as_mut()).await;
        // Its calls and subscriptions end now, also if the client takes long to read what it is still told.
        drop(self);
        let patience = match end {
            End::Cut => return,
            // What it has called for is given as long as other calls have.
            End::Close(close_code::AWAY, _) => None,
            End::Left | End::Close(..) => Some(CLOSE_TIMEOUT),
        };
        let close = async {
            let queue = async move {
                if let End::Close(code, reason) = end {
                    outbox.close(code, reason).await;
                }
            };
            futures::future::join(queue, writing).await;
            if end != End::Left {
                // To close a socket with bytes that were not read resets it, and what was written before can be lost.
                let _ = timeout(CLOSING, async { while let Some(Ok(_)) = stream.next().await {} }).await;
            }
        };
        tokio::select! {
            () = close => {}
            () = core.reached(Phase::Closed) => {}
            () = after(patience) => {}
        }
    }

    /// Serves until the end, which waits for no room in the outbox.
    async fn serve_until_end(
        &mut self,
        stream: &mut SplitStream<WebSocket>,
        outbox: &Outbox,
        writing: Pin<&mut impl Future<Output = ()>>,
    ) -> End {
        let Client { core, identity, .. } = self.client.clone();
        tokio::select! {
            end = self.serve(stream, outbox) => end,
            () = writing => End::Cut,
            () = core.reached(Phase::Closed) => End::Cut,
            () = core.auth.ended(&identity) => {
                End::Close(close_code::POLICY, "the token or the session has ended")
            }
        }
    }

    async fn serve(&mut self, stream: &mut SplitStream<WebSocket>, outbox: &Outbox) -> End {
        let core = self.client.core.clone();
        let timer = sleep_until(Instant::now());
        tokio::pin!(timer);
        loop {
            let step = tokio::select! {
                Some((kind, replies)) = self.calls.next() => self.answer(kind, replies, outbox).await,
                frame = stream.next() => self.take(frame, outbox).await,
                event = self.subscriptions.next() => self.send(outbox, Kind::Text, event).await,
                () = core.reached(Phase::Draining), if self.calls.is_empty() => {
                    Err(SHUTDOWN)
                }
                () = outbox.ping_written() => {
                    self.life_signs.ping_written(Instant::now());
                    timer.as_mut().reset(Instant::now());
                    Ok(())
                }
                () = &mut timer => self.look_after(outbox).await.map(|at| timer.as_mut().reset(at)),
            };
            if let Err(end) = step {
                return end;
            }
            let is_busy = self.in_flight > 0 || !self.subscriptions.is_empty();
            self.life_signs.set_busy(is_busy, Instant::now());
        }
    }

    /// Takes what the client has sent.
    async fn take(&mut self, frame: Option<Result<Frame, axum::Error>>, outbox: &Outbox) -> Result<(), End> {
        let now = Instant::now();
        self.life_signs.heard(now);
        match frame {
            Some(Ok(Frame::Text(text))) => self.begin(Kind::Text, text.as_bytes(), outbox).await,
            Some(Ok(Frame::Binary(bytes))) => self.begin(Kind::Binary, &bytes, outbox).await,
            // The library answers pings.
            Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => Ok(()),
            Some(Ok(Frame::Close(_))) | None => Err(End::Left),
            Some(Err(error)) => Err(end_of(&error)),
        }
    }

    async fn begin(&mut self, kind: Kind, message: &[u8], outbox: &Outbox) -> Result<(), End> {
        self.life_signs.used(Instant::now());
        self.client.core.traffic.received(Entrance::WebSocket, message.len());
        let config = &self.client.core.config;
        match Message::parse(message, config.max_batch) {
            Ok(message) => {
                let room = config.max_calls_per_connection.saturating_sub(self.in_flight);
                let calls = Calls::new(&self.client, message, room);
                self.in_flight += calls.count();
                self.calls.push(Box::pin(async move { (kind, calls.replies().await) }));
                Ok(())
            }
            Err(error) => self.send(outbox, kind, Answer::error(&Id::null(), &error).into_text()).await,
        }
    }

    async fn answer(&mut self, kind: Kind, replies: Replies, outbox: &Outbox) -> Result<(), End> {
        self.in_flight -= replies.count;
        match replies.into_answer(|done| self.finish(done)) {
            Some(answer) => self.send(outbox, kind, answer.into_text()).await,
            None => Ok(()),
        }
    }

    /// Does what a method leaves to its connection.
    fn finish(&mut self, done: Done) -> Result<String, ErrorObject> {
        match done {
            Done::Json(json) => Ok(json.to_string()),
            Done::Subscribe(task) => {
                let Client { core, identity, .. } = &self.client;
                self.subscriptions.add(core, identity.dispatcher(), task).map(|number| number.to_string())
            }
            Done::Unsubscribe(number) => Ok(self.subscriptions.remove(number).to_string()),
        }
    }

    /// Pings the client, or gives it up. Returns when to look again.
    async fn look_after(&mut self, outbox: &Outbox) -> Result<Instant, End> {
        loop {
            match self.life_signs.due(Instant::now()) {
                Due::Ping => {
                    outbox.send(Frame::Ping(Default::default())).await.map_err(|Closed| End::Left)?;
                }
                Due::Silent => {
                    count_limit("ping_timeout");
                    return Err(End::Left);
                }
                Due::Idle => {
                    count_limit("idle_timeout");
                    return Err(IDLE);
                }
                Due::Later(at) => return Ok(at),
            }
        }
    }

    async fn send(&mut self, outbox: &Outbox, kind: Kind, text: String) -> Result<(), End> {
        self.client.core.traffic.sent(Entrance::WebSocket, text.len());
        let frame = match kind {
            Kind::Text => Frame::Text(text.into()),
            Kind::Binary => Frame::Binary(text.into_bytes().into()),
        };
        outbox.send(frame).await.map_err(|Closed| End::Left)
    }
}

/// Resolves after this time; never without one.
async fn after(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}

/// What follows from an error of the socket.
fn end_of(error: &axum::Error) -> End {
    use std::error::Error;
    use tokio_tungstenite::tungstenite::Error as WsError;

    match error.source().and_then(|source| source.downcast_ref::<WsError>()) {
        Some(WsError::Capacity(_)) => {
            count_limit("max_message_bytes");
            End::Close(close_code::SIZE, "the message is too long (max_message_bytes)")
        }
        Some(WsError::Utf8(_)) => End::Close(close_code::INVALID, "the text is not UTF-8"),
        Some(WsError::Protocol(_)) => End::Close(close_code::PROTOCOL, "a frame breaks the protocol"),
        _ => End::Left,
    }
}
