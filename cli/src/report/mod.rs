//! The output of commands: its text, JSON and style.

mod activity;
mod cell;
mod console;
mod failure;
mod list_record;
mod live_log;
mod printer;
mod record;
mod reference;
mod results;
mod run_report;
mod snippet;
mod styles;
mod table;
mod visible;

pub(crate) use activity::{ActivityTable, activity_line, error_table};
pub(crate) use cell::{age, cut};
pub(crate) use console::Console;
pub(crate) use failure::Failure;
pub(crate) use list_record::ListRecord;
pub(crate) use live_log::{LiveLine, LiveLog, LiveSender, Told};
pub(crate) use printer::Printer;
pub(crate) use record::Record;
pub(crate) use reference::{markdown, page, summary, summary_of};
pub(crate) use results::{Results, json};
pub(crate) use run_report::RunReport;
pub(crate) use snippet::Snippet;
pub(crate) use styles::Styles;
pub(crate) use table::{Column, Table};
