//! Why a call has no result.

mod client_error;
mod refusal;
mod refusal_code;

pub use client_error::ClientError;
pub use refusal::Refusal;
pub use refusal_code::RefusalCode;
