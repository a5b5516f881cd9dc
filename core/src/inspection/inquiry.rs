use uuid::Uuid;

use crate::Claim;

/// A question where a run is, as the instance gets it. Its answer is [`Consumer::answer`](crate::Consumer::answer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inquiry {
    /// The claim of the run.
    pub claim: Claim,
    /// Which handle of the transport asks. Nil if the transport has only one place for answers.
    pub asker: Uuid,
    /// The number of the question among those of the asker.
    pub number: u64,
}
