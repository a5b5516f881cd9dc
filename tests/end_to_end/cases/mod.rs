//! What holds everywhere.

mod activity;
mod answers;
mod children;
mod ends;
mod events;
mod inspect;
mod limits;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::fixture::Fixture;

/// Long enough that nothing here ever ends by it.
const LONG: Duration = Duration::from_secs(600);

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: fn(Fixture) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

macro_rules! cases {
    ($($file:ident :: $name:ident),* $(,)?) => {
        pub(crate) const CASES: &[Case] =
            &[$(Case { name: stringify!($name), run: |fixture| Box::pin($file::$name(fixture)) }),*];
    };
}

cases![
    answers::script_goes_in_and_its_answer_comes_out,
    answers::script_sees_who_asks_and_with_what,
    answers::every_caller_gets_its_own_answer,
    answers::waiting_scripts_delay_no_other,
    answers::calls_that_block_run_on_both_lanes,
    answers::script_error_carries_its_position,
    answers::script_that_does_not_parse_is_not_queued,
    answers::prints_are_in_the_log,
    ends::timeout_withdraws_the_task,
    ends::progress_says_what_a_task_waits_for,
    ends::kept_task_outlives_its_timeout,
    ends::any_dispatcher_can_wait_for_a_task,
    ends::waiting_task_is_cancelled,
    ends::running_task_is_cancelled,
    ends::repeated_request_joins_the_first,
    ends::failing_task_is_tried_again,
    limits::lowered_limits_reach_the_worker,
    limits::scripts_lower_limits_of_what_they_dispatch,
    events::lines_and_progress_are_seen_while_the_script_runs,
    events::lines_of_a_loop_come_in_order_and_are_all_counted,
    events::endless_progress_delays_no_other,
    events::events_of_an_unknown_task_are_an_error,
    activity::activity_has_what_has_ended,
    activity::activity_has_each_try,
    activity::activity_is_watched_and_can_be_off,
    inspect::waiting_script_says_which_call_it_waits_in,
    inspect::script_that_computes_without_end_answers,
    inspect::task_that_does_not_run_has_its_status,
    inspect::worker_that_does_not_answer_is_an_error,
    ends::many_are_submitted_at_once,
    ends::drained_worker_releases_its_tasks,
    children::scripts_fan_out_and_gather,
    children::children_belong_to_the_trace_of_their_parent,
    children::error_of_a_child_can_be_caught,
    children::thrown_value_reaches_parents_and_callers,
    children::cancel_reaches_the_grandchildren,
    children::deadline_reaches_the_grandchildren,
    children::runaway_recursion_is_bounded,
    children::cancelled_request_cancels_its_task,
];
