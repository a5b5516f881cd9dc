use rhai_dispatcher_core::Priority;

/// Which priority a queue starts next.
///
/// Of 16 starts each priority has as many as its weight, spread evenly. The turn of a priority without ready tasks goes
/// to the most urgent one that has some. Only a start ends a turn.
#[derive(Debug, Clone)]
pub(super) struct Weights {
    turns: Vec<Priority>,
    /// The next turn.
    at: usize,
}

impl Weights {
    /// Smooth weighted round-robin: in each turn every priority earns its weight, and the richest pays the sum.
    pub(super) fn new() -> Self {
        let total: i64 = Priority::ALL.iter().map(|priority| i64::from(priority.weight())).sum();
        let mut earned = [0; Priority::ALL.len()];
        let mut turns = Vec::new();
        for _ in 0..total {
            let mut richest = Priority::High;
            for priority in Priority::ALL {
                earned[priority as usize] += i64::from(priority.weight());
                if earned[priority as usize] > earned[richest as usize] {
                    richest = priority;
                }
            }
            earned[richest as usize] -= total;
            turns.push(richest);
        }
        Self { turns, at: 0 }
    }

    /// The priority that is next of those that have ready tasks.
    pub(super) fn next(&self, is_ready: impl Fn(Priority) -> bool) -> Option<Priority> {
        let turn = self.turns[self.at];
        [turn].into_iter().chain(Priority::ALL).find(|priority| is_ready(*priority))
    }

    /// Notes that a task was started.
    pub(super) fn note_start(&mut self) {
        self.at = (self.at + 1) % self.turns.len();
    }
}
