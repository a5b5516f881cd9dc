use super::built_in::{BuiltIn, Running};
use super::request_params::{OF_CALL, OF_PLAY};
use super::task::{OF_TASK, OF_UNSUBSCRIBE, OF_WAIT};
use super::{CallContext, Params, audit, discover, handlers, lists, play, task};
use crate::auth::Access;

/// The built-in method of that name, and its place in the table.
pub(crate) fn built_in(name: &str) -> Option<(usize, &'static BuiltIn)> {
    BUILT_IN.iter().enumerate().find(|(_, method)| method.name == name)
}

/// `path` as a function that boxes its future.
macro_rules! boxed {
    ($path:path) => {{
        fn run(context: CallContext, params: Params) -> Running {
            Box::pin($path(context, params))
        }
        run
    }};
}

/// The methods of the gateway itself. A method of a worker with one of these names is called by `call`.
pub(crate) static BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: "play",
        access: Access::Scripts,
        about: "Runs a script, and answers with its output.",
        parameters: OF_PLAY,
        run: boxed!(play::play),
    },
    BuiltIn {
        name: "play.submit",
        access: Access::Scripts,
        about: "Submits a script, and answers with the id of its task at once.",
        parameters: OF_PLAY,
        run: boxed!(play::play_submit),
    },
    BuiltIn {
        name: "call",
        access: Access::Call,
        about: "Calls a method of a worker with settings of its own, and answers with its output.",
        parameters: OF_CALL,
        run: boxed!(play::call),
    },
    BuiltIn {
        name: "call.submit",
        access: Access::Call,
        about: "Submits a call of a method, and answers with the id of its task at once.",
        parameters: OF_CALL,
        run: boxed!(play::call_submit),
    },
    BuiltIn {
        name: "task.status",
        access: Access::Read,
        about: "Reads the record of a task.",
        parameters: OF_TASK,
        run: boxed!(task::status),
    },
    BuiltIn {
        name: "task.wait",
        access: Access::Read,
        about: "Waits until a task has ended, and answers with its record.",
        parameters: OF_WAIT,
        run: boxed!(task::wait),
    },
    BuiltIn {
        name: "task.cancel",
        access: Access::Call,
        about: "Cancels a task, and answers whether it waited (removed), runs (requested) or had ended (alreadyFinished).",
        parameters: OF_TASK,
        run: boxed!(task::cancel),
    },
    BuiltIn {
        name: "task.subscribe",
        access: Access::Read,
        about: "Sends the events of a task as notifications `task.event`, until its end. Over a WebSocket only.",
        parameters: OF_TASK,
        run: boxed!(task::subscribe),
    },
    BuiltIn {
        name: "task.unsubscribe",
        access: Access::Read,
        about: "Ends a subscription, and answers whether there was one.",
        parameters: OF_UNSUBSCRIBE,
        run: boxed!(task::unsubscribe),
    },
    BuiltIn {
        name: "handlers.list",
        access: Access::Read,
        about: "Lists the handlers of the living workers, with the figures of their methods.",
        parameters: &[],
        run: boxed!(handlers::list),
    },
    BuiltIn {
        name: "activity.list",
        access: Access::Read,
        about: "Lists how tasks have ended, the newest first; `next` of the result is for the next page.",
        parameters: lists::OF_ACTIVITY,
        run: boxed!(lists::activity),
    },
    BuiltIn {
        name: "tasks.list",
        access: Access::Read,
        about: "Lists tasks: those that run, those that wait, each with what it waits for, and those that have ended.",
        parameters: lists::OF_TASKS,
        run: boxed!(lists::tasks),
    },
    BuiltIn {
        name: "task.inspect",
        access: Access::Read,
        about: "Asks where a running task is: its line, operations, memory, and the call that it waits for.",
        parameters: OF_TASK,
        run: boxed!(task::inspect),
    },
    BuiltIn {
        name: "audit.list",
        access: Access::Admin,
        about: "Lists who did what and when, the newest first.",
        parameters: audit::OF_LIST,
        run: boxed!(audit::list),
    },
    BuiltIn {
        name: "rpc.discover",
        access: Access::Read,
        about: "Describes all methods that the token allows, as an OpenRPC document.",
        parameters: &[],
        run: |context, params| Box::pin(discover::discover(context, params, BUILT_IN)),
    },
];
