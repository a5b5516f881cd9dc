use std::time::Duration;

use tokio::time::Instant;

use crate::config::GatewayConfig;

/// When a connection is pinged, and when it is given up.
#[derive(Debug)]
pub(super) struct LifeSigns {
    ping_interval: Duration,
    ping_timeout: Duration,
    idle_timeout: Duration,
    /// When the client was heard of last.
    heard: Instant,
    /// The ping that it has not answered.
    ping: Ping,
    /// Since when there is neither a call nor a subscription.
    idle_since: Option<Instant>,
}

/// How far a ping has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ping {
    None,
    /// It waits behind other messages. A client that reads them is not silent, and of one that reads nothing the connection
    /// ends by `write_timeout`.
    Queued,
    /// It was written then.
    Written(Instant),
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Ping,
    /// The client does not answer.
    Silent,
    /// The client wants nothing.
    Idle,
    /// Nothing before this.
    Later(Instant),
}

impl LifeSigns {
    pub(super) fn new(config: &GatewayConfig, now: Instant) -> Self {
        let GatewayConfig { ping_interval, ping_timeout, idle_timeout, .. } = *config;
        Self {
            ping_interval,
            ping_timeout,
            idle_timeout,
            heard: now,
            ping: Ping::None,
            idle_since: Some(now),
        }
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.ping = Ping::None;
    }

    /// The ping has been written. Its answer may even have come.
    pub(super) fn ping_written(&mut self, now: Instant) {
        if self.ping == Ping::Queued {
            self.ping = Ping::Written(now);
        }
    }

    /// Notes whether there is a call or a subscription.
    pub(super) fn set_busy(&mut self, is_busy: bool, now: Instant) {
        self.idle_since = if is_busy { None } else { self.idle_since.or(Some(now)) };
    }

    /// The connection was used, and is idle from now on.
    pub(super) fn used(&mut self, now: Instant) {
        self.idle_since = self.idle_since.map(|_| now);
    }

    /// What is due at `now`. A ping counts as queued.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        let silent_at = match self.ping {
            Ping::Written(at) => Some(at + self.ping_timeout),
            Ping::None | Ping::Queued => None,
        };
        let idle_at = self.idle_since.map(|since| since + self.idle_timeout);
        let ping_at = self.heard + self.ping_interval;
        if silent_at.is_some_and(|at| at <= now) {
            return Due::Silent;
        }
        if idle_at.is_some_and(|at| at <= now) {
            return Due::Idle;
        }
        if self.ping == Ping::None && ping_at <= now {
            self.ping = Ping::Queued;
            return Due::Ping;
        }
        let next = match self.ping {
            Ping::None => ping_at,
            // It is asked again once it is written.
            Ping::Queued => now + self.ping_interval,
            Ping::Written(at) => at + self.ping_timeout,
        };
        Due::Later(idle_at.map_or(next, |idle_at| next.min(idle_at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_and_idle_clients_are_given_up() {
        let config = GatewayConfig::default()
            .with_ping_interval(Duration::from_secs(20))
            .with_ping_timeout(Duration::from_secs(5))
            .with_idle_timeout(Duration::from_secs(100));
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut signs = LifeSigns::new(&config, start);
        assert_eq!(signs.due(at(0)), Due::Later(at(20)));
        assert_eq!(signs.due(at(20)), Due::Ping);
        assert_eq!(signs.due(at(20)), Due::Later(at(40)), "it waits behind other messages");
        signs.ping_written(at(20));
        assert_eq!(signs.due(at(20)), Due::Later(at(25)));
        signs.heard(at(24));
        assert_eq!(signs.due(at(25)), Due::Later(at(44)));
        assert_eq!(signs.due(at(44)), Due::Ping);
        signs.ping_written(at(44));
        assert_eq!(signs.due(at(49)), Due::Silent);

        signs.heard(at(90));
        assert_eq!(signs.due(at(95)), Due::Later(at(100)));
        signs.set_busy(true, at(95));
        assert_eq!(signs.due(at(95)), Due::Later(at(110)), "a call is not idle");
        signs.set_busy(false, at(109));
        signs.heard(at(208));
        assert_eq!(signs.due(at(208)), Due::Later(at(209)));
        signs.used(at(208));
        assert_eq!(signs.due(at(209)), Due::Later(at(228)));
        signs.heard(at(308));
        assert_eq!(signs.due(at(308)), Due::Idle);
    }
}
