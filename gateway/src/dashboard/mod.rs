//! The web pages of the gateway: rendered here, and kept current by events.
//!
//! # Layout
//! - `router`: the routes of the pages.
//! - `pages/`: the pages, a file for each; their templates are in `gateway/templates/`.
//! - `frame/`: what all pages have in common.
//! - `monitor/`: the numbers of all queues over the last minutes.
//! - `text/`: how values are shown.
//! - `assets/`: styles and scripts, which are in `gateway/assets/`.

mod assets;
mod frame;
mod monitor;
mod pages;
mod router;
mod text;

pub(crate) use frame::refusal_page;
pub(crate) use monitor::Monitor;
pub(crate) use router::router;
