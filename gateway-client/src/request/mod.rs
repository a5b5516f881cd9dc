//! What a client asks for: scripts, methods with settings, and batches.

mod batch;
mod call;
mod play;
mod settings;
mod submitted;

pub use batch::{Batch, BatchAnswers, BatchCall};
pub use call::Call;
pub use play::Play;
pub use submitted::Submitted;
