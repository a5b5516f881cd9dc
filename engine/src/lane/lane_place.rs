use std::rc::Rc;

use super::admission::Admitted;
use super::lane_resources::LaneResources;

/// While it lives, a task that waits counts among those of its lane, and so towards
/// [`max_in_flight`](crate::EngineConfig::max_in_flight).
#[derive(Debug)]
pub struct LanePlace(Admitted);

impl LanePlace {
    pub(crate) fn new(lane: &Rc<LaneResources>) -> Self {
        let mut place = Admitted::new(lane.admission());
        place.running();
        place.waiting();
        Self(place)
    }
}

impl Drop for LanePlace {
    fn drop(&mut self) {
        self.0.ended();
    }
}
