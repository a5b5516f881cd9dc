use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::join_all;
use rhai_dispatcher_core::lock;
use tokio::time::Instant;

use super::args::Args;
use super::keys;
use super::script::Script;
use super::target::Target;
use crate::client::{ClientError, ServerReply};

/// In which form the server knows the scripts: as a library of functions, or one by one. Makes them known to it.
#[derive(Debug, Default)]
pub(super) struct KnownScripts {
    /// The connection whose server takes no functions, though it has them.
    no_functions_on: AtomicU64,
    /// When the library was loaded last; held while that is done.
    loaded: tokio::sync::Mutex<Option<Instant>>,
    /// The connection on which all scripts were loaded last.
    others_on: AtomicU64,
    errors: LibraryErrors,
    /// When it was last noted that the library is in use.
    noted: Mutex<Option<Instant>>,
}

/// After how long it is noted again that the library is in use.
const NOTED_FOR: Duration = Duration::from_secs(60);

/// Whether an error of the library was logged; shared by the connections of a handle.
#[derive(Debug, Clone, Default)]
pub(crate) struct LibraryErrors(Arc<OnceLock<()>>);

/// How a server knows a script.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Function,
    /// By its hash.
    Script,
}

impl KnownScripts {
    pub(super) fn new(errors: LibraryErrors) -> Self {
        Self { errors, ..Self::default() }
    }

    /// Calls the script, and makes it known to the server only if it is not: most often it is.
    pub(super) async fn call(
        &self,
        target: &Target<'_>,
        script: Script,
        prefix: &str,
        settings: &Bytes,
        args: &[Bytes],
    ) -> Result<Vec<ServerReply>, ClientError> {
        /// How often it is made known: a server may be told to forget its scripts in the same moment, but one that
        /// never keeps any is of no use.
        const LOADS: usize = 3;
        let has_functions = target.connection.has_functions()
            && self.no_functions_on.load(Ordering::Relaxed) != target.number;
        let mut form = if has_functions { Form::Function } else { Form::Script };
        let mut loads = 0;
        loop {
            let (command, name) = match form {
                Form::Function => ("FCALL", script.function()),
                Form::Script => ("EVALSHA", script.hash()),
            };
            let mut all = Vec::with_capacity(3 + args.len());
            all.push(name);
            all.push(Bytes::from_static(b"0"));
            all.push(settings.clone());
            all.extend_from_slice(args);
            let since = Instant::now();
            match target.send(command, all).await {
                Ok(reply) => {
                    let reply = reply.into_array();
                    let now = reply.first().and_then(time_of).ok_or(ClientError::Unexpected("a script"))?;
                    if form == Form::Function {
                        self.note_use(target, prefix, now);
                    }
                    return Ok(reply);
                }
                // It is new there, was restarted, or was told to forget its scripts.
                Err(ClientError::Server(text)) if is_missing(&text) && loads < LOADS => {
                    loads += 1;
                    form = self.load(target, script, form, since).await?;
                }
                Err(error) if form == Form::Function && has_no_functions(&error) => {
                    self.take_scripts(target, &error);
                    form = Form::Script;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Notes, once a minute, that the library is in use. Waits for no answer: one that is deleted all the same is loaded
    /// again.
    fn note_use(&self, target: &Target<'_>, prefix: &str, now: u64) {
        let mut noted = lock(&self.noted);
        if noted.is_some_and(|at| at.elapsed() < NOTED_FOR) {
            return;
        }
        *noted = Some(Instant::now());
        let mut args = Args::new();
        args.push(keys::libraries(prefix)).push_display(now).push_static(Script::library_name());
        let (connection, deadline) = (target.connection.clone(), target.deadline);
        tokio::spawn(async move {
            if let Err(error) = connection.command("ZADD", args.into_vec(), deadline).await {
                tracing::debug!(%error, "the library of scripts could not be noted as in use");
            }
        });
    }

    /// Makes the script known to the server, where it was missing at `since`, and says in which form it is now.
    async fn load(
        &self,
        target: &Target<'_>,
        script: Script,
        form: Form,
        since: Instant,
    ) -> Result<Form, ClientError> {
        if form == Form::Function {
            let mut loaded = self.loaded.lock().await;
            if loaded.is_some_and(|at| at > since) {
                return Ok(Form::Function); // by another call meanwhile
            }
            let args = vec![Bytes::from_static(b"LOAD"), Bytes::from_static(b"REPLACE"), Script::library()];
            match target.send("FUNCTION", args).await {
                Ok(_) => {
                    *loaded = Some(Instant::now());
                    return Ok(Form::Function);
                }
                // A full memory takes no library. Scripts it takes, and they are what frees it again.
                Err(ClientError::Busy(why)) if why.starts_with("OOM") && script.runs_without_memory() => {}
                // Its access rules, or it knows no such command.
                Err(error @ ClientError::Refused(_)) => self.take_scripts(target, &error),
                Err(error) if has_no_functions(&error) => self.take_scripts(target, &error),
                Err(ClientError::Server(why)) => self.take_scripts_instead(target, &why),
                Err(error) => return Err(error),
            }
        }
        target.send("SCRIPT", load(script)).await?;
        self.load_others(target, script);
        Ok(Form::Script)
    }

    /// Loads all other scripts too, once for each connection, and waits for none: on a slow network one after the other
    /// would cost each its first call.
    fn load_others(&self, target: &Target<'_>, script: Script) {
        if self.others_on.swap(target.number, Ordering::Relaxed) == target.number {
            return;
        }
        let (connection, deadline) = (target.connection.clone(), target.deadline);
        tokio::spawn(async move {
            let others = Script::ALL.into_iter().filter(|other| *other != script);
            // On the heap: together they are more than the stack of a thread has room for.
            let loads = others.map(|other| connection.command("SCRIPT", load(other), deadline).boxed());
            // One that is not loaded is missed by its first call.
            drop(join_all(loads).await);
        });
    }

    /// The server has functions, and these are an error to it: they do not compile there, or another library has them.
    fn take_scripts_instead(&self, target: &Target<'_>, why: &str) {
        // Once: each new connection finds the same.
        if self.errors.0.set(()).is_ok() {
            let library = Script::library_name();
            tracing::error!(
                "the server does not take the function library {library}, so each call sends scripts, which are slower: {why}"
            );
        }
        self.no_functions_on.store(target.number, Ordering::Relaxed);
    }

    /// The server's access rules, or a proxy in front of it, leave no functions. Another connection may have them.
    fn take_scripts(&self, target: &Target<'_>, why: &ClientError) {
        tracing::info!("the server takes no functions, which are a little faster than scripts: {why}");
        self.no_functions_on.store(target.number, Ordering::Relaxed);
    }
}

/// The arguments that load a script.
fn load(script: Script) -> Vec<Bytes> {
    vec![Bytes::from_static(b"LOAD"), script.source()]
}

/// The time in front of an answer, behind which worker ids may stand.
fn time_of(first: &ServerReply) -> Option<u64> {
    first.as_u64().or_else(|| first.as_str()?.split_once(' ')?.0.parse().ok())
}

/// Whether an answer to FCALL says that this client may not call functions, or that there are none.
fn has_no_functions(error: &ClientError) -> bool {
    match error {
        ClientError::Refused(why) => why.starts_with("NOPERM") && why.to_lowercase().contains("'fcall'"),
        ClientError::Server(why) => why.contains("unknown command"),
        _ => false,
    }
}

/// Whether an error says that the server does not know the script.
fn is_missing(text: &str) -> bool {
    text.starts_with("NOSCRIPT") || text.contains("Function not found")
}
