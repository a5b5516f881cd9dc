use super::ModuleDoc;
use crate::{request, script};

/// What is written about the functions that every script has.
pub(crate) static ENGINE: ModuleDoc = ModuleDoc::new("Every script", ABOUT, &[script::DOCS, request::DOCS]);

const ABOUT: &str = "\
A function that waits has two forms: `name(…)` waits for the answer while other scripts run, and `name_async(…)` begins the \
call and returns the id of a *request* at once. The functions for requests take such ids. `look_up` in the examples is such \
a function of the embedding program.";
