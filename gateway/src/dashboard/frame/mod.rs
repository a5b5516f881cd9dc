//! What all pages have in common: who looks at them, the frame around them, their errors, and how they stay current.

mod live_page;
mod notice;
mod page_error;
mod paging;
mod plain_text;
mod refusal_page;
mod shell;
mod visit;

pub(super) use live_page::{LivePage, live};
pub(super) use notice::Notice;
pub(super) use page_error::PageError;
pub(super) use paging::Paging;
pub(super) use plain_text::plain_text;
pub(crate) use refusal_page::refusal_page;
pub(super) use shell::{Section, Shell, render};
pub(super) use visit::{Visit, encode};
