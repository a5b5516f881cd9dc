use super::module_doc::ModuleDoc;
use super::request_functions::REQUEST_FUNCTIONS;
use super::script_functions::SCRIPT_FUNCTIONS;

/// What is written about the functions that every script has.
pub(crate) static EVERY_SCRIPT: ModuleDoc =
    ModuleDoc::new("Every script", ABOUT, &[SCRIPT_FUNCTIONS, REQUEST_FUNCTIONS]);

const ABOUT: &str = "\
A function that waits has two forms: `name(…)` waits for the answer while other scripts run, and `name_async(…)` begins the \
call and returns the id of a *request* at once. The functions for requests take such ids. `look_up` in the examples is such \
a function of the embedding program.

`catch` gets the error of a call as an object map: `kind` (`runtime` if the function has no other; `invalid`, `timeout`, \
`panic`, `cancelled`, `too_large`, `not_ready` or `not_found` of the calls and requests themselves; of `dispatch` the kind of the child's \
error, `output` or `unavailable`), `message`, `value` (what was thrown as data, or unit) and `line` (of the call, in this script). Printed, \
the map reads its message. What a script throws itself is caught as it is, so that `throw 5` is caught as `5`; Rhai's own \
errors, such as a division by zero, are maps with `message`, `error` and `line`.";
