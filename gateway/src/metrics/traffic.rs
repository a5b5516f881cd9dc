use metrics::{Counter, Gauge, counter, gauge};

/// What connections count.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(crate) connections: Gauge,
    pub(crate) websockets: Gauge,
    pub(crate) subscriptions: Gauge,
    received: [Counter; 2],
    sent: [Counter; 2],
}

/// By which way a message comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    Http,
    WebSocket,
}

/// Counts as one until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Default for Traffic {
    fn default() -> Self {
        const ENTRANCES: [&str; 2] = ["http", "websocket"];
        Self {
            connections: gauge!("rhai_gateway_connections"),
            websockets: gauge!("rhai_gateway_websockets"),
            subscriptions: gauge!("rhai_gateway_subscriptions"),
            received: ENTRANCES.map(|name| counter!("rhai_gateway_received_bytes_total", "entrance" => name)),
            sent: ENTRANCES.map(|name| counter!("rhai_gateway_sent_bytes_total", "entrance" => name)),
        }
    }
}

impl Traffic {
    pub(crate) fn received(&self, entrance: Entrance, bytes: usize) {
        self.received[entrance as usize].increment(bytes as u64);
    }

    pub(crate) fn sent(&self, entrance: Entrance, bytes: usize) {
        self.sent[entrance as usize].increment(bytes as u64);
    }
}

impl Counted {
    pub(crate) fn new(gauge: &Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
