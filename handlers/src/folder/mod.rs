//! Methods that are functions of the scripts of a folder.

mod folder_config;
mod folder_state;
mod scan;
mod script_file;
mod script_folder;
mod signals;
mod snapshot;
mod versions;
mod watcher;

pub use folder_config::FolderConfig;
pub use script_folder::ScriptFolder;
pub(crate) use snapshot::Found;
