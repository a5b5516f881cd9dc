use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::join_all;
use tokio::time::Instant;

use super::script::Script;
use super::target::Target;
use crate::client::{ClientError, ServerReply};

/// In which form servers know the scripts: as a library of functions, or one by one. Makes them known.
#[derive(Debug)]
pub(super) struct KnownScripts(LibraryErrors);

/// Whether an error of the library was logged; shared by the connections of a handle.
#[derive(Debug, Clone, Default)]
pub(crate) struct LibraryErrors(Arc<OnceLock<()>>);

/// One call of a script.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) script: Script,
    /// What it is sent with, so that only the server of its keys carries it out.
    pub(super) key: &'a Bytes,
    /// The argument that all scripts begin with.
    pub(super) settings: &'a Bytes,
    pub(super) args: &'a [Bytes],
}

/// How a server knows a script.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Function,
    /// By its hash.
    Script,
}

impl KnownScripts {
    pub(super) const fn new(errors: LibraryErrors) -> Self {
        Self(errors)
    }

    /// Calls the script, and makes it known to the server only if it is not: most often it is.
    pub(super) async fn call(
        &self,
        target: &Target,
        call: Call<'_>,
    ) -> Result<Vec<ServerReply>, ClientError> {
        /// How often it is made known: a server may be told to forget its scripts in the same moment, but one that
        /// never keeps any is of no use.
        const LOADS: usize = 3;
        let Call { script, key, settings, args } = call;
        let has_functions = target.linked.connection.has_functions();
        let mut form = if has_functions { Form::Function } else { Form::Script };
        let mut loads = 0;
        loop {
            let (command, name) = match form {
                Form::Function => ("FCALL", script.function()),
                Form::Script => ("EVALSHA", script.hash()),
            };
            let mut all = Vec::with_capacity(4 + args.len());
            all.push(name);
            all.push(Bytes::from_static(b"1"));
            all.push(key.clone());
            all.push(settings.clone());
            all.extend_from_slice(args);
            let since = Instant::now();
            match target.send(command, all).await {
                Ok(reply) => {
                    let reply = reply.into_array();
                    reply.first().and_then(time_of).ok_or(ClientError::Unexpected("a script"))?;
                    return Ok(reply);
                }
                // It is new there, was restarted, or was told to forget its scripts.
                Err(ClientError::Server(text)) if is_missing(&text) && loads < LOADS => {
                    loads += 1;
                    form = self.load(target, script, form, since).await?;
                }
                Err(error) if form == Form::Function && has_no_functions(&error) => {
                    take_scripts(target, &error);
                    form = Form::Script;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes the script known to the server, where it was missing at `since`, and says in which form it is now.
    async fn load(
        &self,
        target: &Target,
        script: Script,
        form: Form,
        since: Instant,
    ) -> Result<Form, ClientError> {
        if form == Form::Function {
            let mut loaded = target.linked.connection.scripts.last_load().await;
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
                Err(error @ ClientError::Refused(_)) => take_scripts(target, &error),
                Err(error) if has_no_functions(&error) => take_scripts(target, &error),
                Err(ClientError::Server(why)) => self.take_scripts_instead(target, &why),
                Err(error) => return Err(error),
            }
        }
        target.send("SCRIPT", load(script)).await?;
        load_others(target, script);
        Ok(Form::Script)
    }

    /// The server has functions, and these are an error to it: they do not compile there, or another library has them.
    fn take_scripts_instead(&self, target: &Target, why: &str) {
        // Once: each new connection finds the same.
        if self.0.0.set(()).is_ok() {
            let library = Script::library_name();
            tracing::error!(
                "the server does not take the function library {library}, so each call sends scripts, which are slower: {why}"
            );
        }
        target.linked.connection.scripts.note_no_functions();
    }
}

/// Loads all other scripts too, once for each connection, and waits for none: on a slow network one after the other
/// would cost each its first call.
fn load_others(target: &Target, script: Script) {
    let (connection, deadline) = (target.linked.connection.clone(), target.deadline);
    if !connection.scripts.begin_loading() {
        return;
    }
    tokio::spawn(async move {
        let others = Script::ALL.into_iter().filter(|other| *other != script);
        // On the heap: together they are more than the stack of a thread has room for.
        let loads = others.map(|other| connection.command("SCRIPT", load(other), deadline).boxed());
        // One that is not loaded is missed by its first call.
        drop(join_all(loads).await);
    });
}

/// The server's access rules, or a proxy in front of it, leave no functions. Another connection may have them.
fn take_scripts(target: &Target, why: &ClientError) {
    tracing::info!("the server takes no functions, which are a little faster than scripts: {why}");
    target.linked.connection.scripts.note_no_functions();
}

/// The arguments that load a script.
fn load(script: Script) -> Vec<Bytes> {
    vec![Bytes::from_static(b"LOAD"), script.source()]
}

/// The time in front of an answer, behind which worker ids may stand.
pub(super) fn time_of(first: &ServerReply) -> Option<u64> {
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
