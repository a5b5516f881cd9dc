use std::thread;

use futures::channel::mpsc;
use futures::executor::block_on;
use futures::{SinkExt, Stream};

use crate::error::CommandError;
use crate::options::{Script, ScriptFile};

/// Reads scripts on a thread of its own, so that a pipe or a terminal without input delays
/// neither the running scripts nor Ctrl-C.
#[derive(Debug)]
pub(crate) struct ScriptReader;

impl ScriptReader {
    /// Number of scripts that are read ahead.
    const AHEAD: usize = 64;

    /// Starts to read one file after another, at most `max_bytes` of each.
    pub(crate) fn start(
        files: Vec<ScriptFile>,
        max_bytes: usize,
    ) -> Result<impl Stream<Item = Script>, CommandError> {
        let (mut scripts, receiver) = mpsc::channel(Self::AHEAD);
        let read = move || {
            for file in files {
                if block_on(scripts.send(file.read(max_bytes))).is_err() {
                    return; // the batch has ended
                }
            }
        };
        match thread::Builder::new().name("rhaid-reader".into()).spawn(read) {
            Ok(_) => Ok(receiver),
            Err(source) => Err(CommandError::System { doing: "starting a thread that reads files", source }),
        }
    }
}
