//! `rhaid handlers`: the methods of a folder, or those of the living workers.

mod command;
mod folder;
mod served;

pub(crate) use command::HandlersCommand;
