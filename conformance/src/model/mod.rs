//! The policy of a queue that all transports share, as a model that runs: weights of priorities, delay, expiry, capacity,
//! request ids, cancel, the ends of a claim, and what becomes of the tasks of an instance that is lost, with the quarantine.
//!
//! A transport plays random histories of operations, and the model says what it must answer.
//!
//! # Layout
//! - `queue_model`: [`QueueModel`](queue_model::QueueModel): the tasks and instances, and what follows from them.
//! - `submitting`, `claiming`, `finishing`, `recovery`, `quarantining`: its operations.
//! - `weights`, `quarantine`, `model_task`, `model_instance`: its parts.
//! - `operation`, `answer`: one step of a history, and what it leads to.
//! - `history`, `known_histories`: random histories, and such in which a transport has differed from the model.
//! - `world`, `player`, `numbering`: what a transport supplies ([`World`]), what plays operations there, and which
//!   task or instance of the transport each number of the model stands for.
//! - `check`: [`check_histories`].

mod answer;
mod check;
mod claiming;
mod finishing;
mod history;
mod known_histories;
mod model_instance;
mod model_task;
mod numbering;
mod operation;
mod player;
mod quarantine;
mod quarantining;
mod queue_model;
mod recovery;
mod submitting;
mod weights;
mod world;

pub use check::check_histories;
pub use world::World;
