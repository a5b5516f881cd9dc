use std::time::Duration;

use rhai::{LexError, OptimizationLevel, Token};
use rhai_dispatcher_core::LogLevel;

use crate::EngineConfig;
use crate::metering::Budget;
use crate::native::register_requests;
use crate::script::function::{builtins, collections, constants, curry, growing_strings, sleep, tell};
use crate::script::{
    ParseGuard, Resolver, ScriptRun, check_variables, note_captured, on_operation, on_progress,
    register_range_guard, register_text, register_to_json,
};
use crate::secret;

/// An engine that runs scripts, for one lane.
pub(crate) fn build_engine(config: &EngineConfig) -> rhai::Engine {
    let mut engine = build_parser(config);

    engine.on_progress(|_| on_operation());
    let guard = ParseGuard::new(&config.limits);
    // A long script is parsed in slices, as it is run.
    #[expect(deprecated, reason = "Rhai marks what may change in a later release so")]
    engine.on_parse_token(move |token, _, state| match on_progress() {
        None => guard.check(token, state),
        Some(_) => Token::LexError(Box::new(LexError::Runtime("the task was stopped".into()))),
    });
    let secrets = config.secrets.clone();
    #[expect(deprecated, reason = "Rhai marks what may change in a later release so")]
    engine.on_var(move |name, index, mut context| {
        if Budget::use_variable() {
            let values = check_variables(&context)?;
            Budget::check_variables_after(values);
        }
        note_captured(name, index, &mut context);
        Ok(constants::resolve(name, index, &context)
            .or_else(|| secret::resolve(&secrets, name, index, &context)))
    });
    engine.on_print(|text| log(LogLevel::Print, text));
    engine.on_debug(|text, _, _| log(LogLevel::Debug, text));
    engine
}

/// How long a parser works at a script before it leaves that to a lane, which parses in slices.
const MAX_PARSE_TIME: Duration = Duration::from_secs(1);

/// An engine that parses scripts as the one of a lane does.
pub(crate) fn build_parser(config: &EngineConfig) -> rhai::Engine {
    let mut engine = rhai::Engine::new();
    let limits = &config.limits;
    engine
        .set_max_call_levels(limits.max_call_levels)
        .set_max_expr_depths(limits.max_expr_depth, limits.max_function_expr_depth)
        .set_max_functions(limits.max_functions)
        .set_max_variables(limits.max_variables)
        .set_max_string_size(limits.max_string_bytes)
        .set_max_array_size(limits.max_array_size)
        .set_max_map_size(limits.max_map_size)
        .set_max_modules(limits.max_modules)
        // Else strings of one script would live on in the engine, for others.
        .set_max_strings_interned(0)
        .set_fail_on_invalid_map_property(config.strict_properties)
        // See `compile` in `script/parse/`.
        .set_optimization_level(OptimizationLevel::None)
        .set_module_resolver(Resolver);
    let guard = ParseGuard::new(&config.limits).with_max_time(MAX_PARSE_TIME);
    #[expect(deprecated, reason = "Rhai marks what may change in a later release so")]
    engine.on_parse_token(move |token, _, state| guard.check(token, state));
    if !config.allow_eval {
        engine.disable_symbol("eval");
    }
    builtins::register(&mut engine);
    growing_strings::register(&mut engine);
    collections::register(&mut engine);
    curry::register(&mut engine, limits.max_arguments);
    register_range_guard(&mut engine, config.allow_eval);
    register_text(&mut engine);
    register_to_json(&mut engine);
    sleep::register(&mut engine);
    tell::register(&mut engine);
    secret::register(&mut engine);
    register_requests(&mut engine);
    for setup in &config.setups {
        setup(&mut engine, config);
    }
    engine
}

fn log(level: LogLevel, text: &str) {
    ScriptRun::with_current(|run| run.log(level, text));
}
