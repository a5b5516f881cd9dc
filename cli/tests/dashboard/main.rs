//! The web pages as a person sees them: in Chromium, before `rhaid serve` and a Redis server of their own.

mod access;
mod browser;
mod copying;
mod hostile;
mod journey;
mod many_tasks;
mod pictures;
mod proxy;
mod site;
mod sub_path;
mod web;
