use crate::lane::Place;

/// While it lives, a task that waits counts among those of its lane, and so towards
/// [`max_in_flight`](crate::EngineConfig::max_in_flight).
#[derive(Debug)]
pub struct LanePlace(Place);

impl LanePlace {
    pub(crate) fn new(mut place: Place) -> Self {
        place.running();
        place.waiting();
        Self(place)
    }
}

impl Drop for LanePlace {
    fn drop(&mut self) {
        self.0.leave();
    }
}
