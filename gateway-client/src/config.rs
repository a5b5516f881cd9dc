use std::path::PathBuf;
use std::time::Duration;

use rhai_dispatcher_core::Invalid;

/// The settings of a [`GatewayClient`](crate::GatewayClient).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientConfig {
    /// Calls that have no answer yet, each entry of a batch among them. One more waits for room, within its timeout.
    ///
    /// Default: 1,024, which is what a gateway takes of one connection.
    pub max_calls: usize,
    /// Bytes of one message to the gateway. A longer one is refused before it is sent.
    ///
    /// Default: 2 MiB, which is what a gateway takes.
    pub max_message_bytes: usize,
    /// Bytes of one message from the gateway. A longer one ends the connection.
    ///
    /// Default: 64 MiB.
    pub max_answer_bytes: usize,
    /// Events of one subscription that wait for their reader. Beyond it the oldest are dropped, and lines are counted in
    /// [`Lost`](rhai_dispatcher_core::TaskEvent::Lost).
    ///
    /// Default: 1,000.
    pub max_queued_events: usize,
    /// How long one attempt to connect may take, and how long a call waits for a connection over which it can be sent.
    ///
    /// Default: 10 s.
    pub connect_timeout: Duration,
    /// How long a call may take that has no timeout of its own. One that has gets 5 s more than that, so that the answer of
    /// the gateway comes first.
    ///
    /// Default: 60 s. The gateway ends calls after 30 s by default.
    pub answer_timeout: Duration,
    /// After how long without a message from the gateway a WebSocket is pinged. After as long again it is given up.
    ///
    /// Default: 20 s.
    pub ping_interval: Duration,
    /// The pause before the first attempt to connect again. It doubles with each attempt that fails; each pause is shortened
    /// at random by up to a half.
    ///
    /// Default: 100 ms.
    pub min_reconnect_pause: Duration,
    /// The longest pause before an attempt to connect again.
    ///
    /// Default: 30 s.
    pub max_reconnect_pause: Duration,
    /// Whether tasks are kept when the WebSocket ends that has called them.
    ///
    /// Default: false: the gateway cancels them.
    pub keep_tasks: bool,
    /// A PEM file with certificates that are trusted instead of those that the system trusts.
    ///
    /// Default: none.
    pub root_certificates: Option<PathBuf>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            max_calls: 1_024,
            max_message_bytes: 2 << 20,
            max_answer_bytes: 64 << 20,
            max_queued_events: 1_000,
            connect_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(60),
            ping_interval: Duration::from_secs(20),
            min_reconnect_pause: Duration::from_millis(100),
            max_reconnect_pause: Duration::from_secs(30),
            keep_tasks: false,
            root_certificates: None,
        }
    }
}

macro_rules! setters {
    ($($with:ident $name:ident: $type:ty;)*) => {
        impl ClientConfig {
            $(
                #[doc = concat!("Sets [`", stringify!($name), "`](Self::", stringify!($name), ").")]
                #[must_use]
                pub fn $with(mut self, $name: $type) -> Self {
                    self.$name = $name;
                    self
                }
            )*
        }
    };
}

setters! {
    with_max_calls max_calls: usize;
    with_max_message_bytes max_message_bytes: usize;
    with_max_answer_bytes max_answer_bytes: usize;
    with_max_queued_events max_queued_events: usize;
    with_connect_timeout connect_timeout: Duration;
    with_answer_timeout answer_timeout: Duration;
    with_ping_interval ping_interval: Duration;
    with_min_reconnect_pause min_reconnect_pause: Duration;
    with_max_reconnect_pause max_reconnect_pause: Duration;
    with_keep_tasks keep_tasks: bool;
}

impl ClientConfig {
    /// Sets [`root_certificates`](Self::root_certificates).
    #[must_use]
    pub fn with_root_certificates(mut self, file: impl Into<PathBuf>) -> Self {
        self.root_certificates = Some(file.into());
        self
    }

    /// # Errors
    /// If a setting can't be used.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        let numbers = [
            ("max_calls", self.max_calls),
            ("max_message_bytes", self.max_message_bytes),
            ("max_answer_bytes", self.max_answer_bytes),
            ("max_queued_events", self.max_queued_events),
        ];
        let times = [
            ("connect_timeout", self.connect_timeout),
            ("answer_timeout", self.answer_timeout),
            ("ping_interval", self.ping_interval),
            ("min_reconnect_pause", self.min_reconnect_pause),
        ];
        let zero = numbers.into_iter().find(|(_, number)| *number == 0).map(|(name, _)| name);
        let zero = zero.or_else(|| times.into_iter().find(|(_, time)| time.is_zero()).map(|(name, _)| name));
        if let Some(name) = zero {
            return Err(Invalid::new(name, "is zero", "give a value above zero"));
        }
        if self.max_reconnect_pause < self.min_reconnect_pause {
            let problem = "is shorter than min_reconnect_pause";
            return Err(Invalid::new("max_reconnect_pause", problem, "give a longer one"));
        }
        // Above it, a semaphore and a queue can't be made.
        const MOST_CALLS: usize = 1 << 20;
        if self.max_calls > MOST_CALLS {
            let problem = format!("is above {MOST_CALLS}");
            return Err(Invalid::new("max_calls", problem, "use several clients"));
        }
        Ok(())
    }
}
