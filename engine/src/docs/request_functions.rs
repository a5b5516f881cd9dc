use super::function_doc::FunctionDoc;

const UNKNOWN: &str =
    "An id is not of a request of this task, or its result was not fetched in time (5 minutes).";

/// What is written about the functions for requests.
pub(super) const REQUEST_FUNCTIONS: &[FunctionDoc] = &[
    FunctionDoc::new(
        "await_result",
        &["await_result(id)", "await_result(id, seconds)"],
        "Waits until a request has ended, and returns its result. The script is suspended meanwhile.",
    )
    .errors("The request failed: its error is thrown. Or it took longer than `seconds`: nothing is lost then.")
    .example("let id = look_up_async(\"Ada\"); await_result(id)", "\"Ada Lovelace\""),
    FunctionDoc::new(
        "await_all",
        &["await_all(ids)", "await_all(ids, seconds)"],
        "Waits for several requests, and returns their results in the order of the ids.",
    )
    .errors(
        "The first failure is thrown at once; the other results can still be fetched. Or it took longer than `seconds`, or \
         all results together are more than the script may hold (`too_large`): nothing is lost then.",
    )
    .example("await_all([look_up_async(\"Ada\"), look_up_async(\"Al\")])", "[\"Ada Lovelace\",\"Al Lovelace\"]"),
    FunctionDoc::new(
        "await_all_settled",
        &["await_all_settled(ids)", "await_all_settled(ids, seconds)"],
        "Waits for several requests, and returns for each, in the order of the ids, how it has ended: `#{ok: value}`, or \
         `#{error: …}` with what `catch` would get.",
    )
    .errors(
        "It took longer than `seconds`, or all results together are more than the script may hold (`too_large`). Nothing is \
         lost then.",
    )
    .example(
        "await_all_settled([look_up_async(\"Ada\"), look_up_async(\"\")])",
        "[{\"ok\":\"Ada Lovelace\"},{\"error\":{\"kind\":\"runtime\",\"line\":1,\"message\":\"a name is missing\",\"value\":null}}]",
    ),
    FunctionDoc::new(
        "await_any",
        &["await_any(ids)", "await_any(ids, seconds)"],
        "Waits for the first request that ends, in whatever way, and returns its id. `get_result` then has the result.",
    )
    .errors("`ids` is empty, or it took longer than `seconds`. Nothing is lost then.")
    .example("let id = look_up_async(\"Ada\"); await_any([id]) == id", "true"),
    FunctionDoc::new(
        "get_result",
        &["get_result(id)"],
        "The result of a request that has ended, without waiting. A result is fetched once.",
    )
    .errors("The request failed: its error is thrown. Or it has not ended: nothing is lost then.")
    .example("let id = look_up_async(\"Ada\"); await_any([id]); get_result(id)", "\"Ada Lovelace\""),
    FunctionDoc::new("is_complete", &["is_complete(id)"], "Whether a request has ended, in whatever way.")
        .errors(UNKNOWN)
        .example("let id = look_up_async(\"Ada\"); await_any([id]); is_complete(id)", "true"),
    FunctionDoc::new(
        "request_status",
        &["request_status(id)"],
        "How far a request is: `pending`, `completed`, `failed` or `timeout`.",
    )
    .errors(UNKNOWN)
    .example("let id = look_up_async(\"\"); await_any([id]); request_status(id)", "\"failed\""),
    FunctionDoc::new(
        "cancel_request",
        &["cancel_request(id)"],
        "Cancels a request, whose status is `failed` then. Returns whether it was pending.",
    )
    .errors(UNKNOWN)
    .example("let id = look_up_async(\"Ada\"); await_any([id]); cancel_request(id)", "false"),
    FunctionDoc::new(
        "set_request_priority",
        &["set_request_priority(priority)"],
        "Orders the calls that follow among those that wait for a free slot: `high`, `normal` or `low`. At first it is the \
         priority of the task.",
    )
    .errors("`priority` is another text.")
    .example("set_request_priority(\"high\")", "null"),
];
