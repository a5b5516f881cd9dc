/// The limits of a script, each once: the macro `$use_as` is called with all of them, each as
/// `name setter: type = default, zero: …, kept by …, "about" "more" …;`.
///
/// - `name`: in requests, in the engine's configuration, on the command line and in errors. `setter`: its builder method.
/// - `default`: that of the engine's configuration.
/// - `zero: unlimited`: zero in the engine's configuration means unlimited; `zero: zero`: zero is a limit like others. In a
///   request no limit is zero.
/// - `kept by engine`: Rhai reads it from its engine, so that a task with another value runs on another engine;
///   `kept by run`: the run of each script compares it.
/// - `about`: what it limits. `more`: what else the engine's configuration says of it.
///
/// What has to follow of a new line, and is not made of it: the place that keeps the limit, for which
/// `engine/tests/limits.rs` wants a case.
#[doc(hidden)]
#[macro_export]
macro_rules! limit_table {
    ($use_as:ident) => {
        $use_as! {
            max_script_bytes with_max_script_bytes: usize = 256 * 1024, zero: zero, kept by run,
                "The longest script, in bytes."
                " Parsing yields as running does.";
            max_operations with_max_operations: u64 = 1_000_000_000, zero: unlimited, kept by run,
                "The most operations."
                " Those of callbacks, and of what `eval` parses, are included. The default is a minute or two of a processor.";
            max_call_levels with_max_call_levels: usize = 64, zero: zero, kept by engine,
                "The deepest nesting of function calls.";
            max_expr_depth with_max_expr_depth: usize = 64, zero: unlimited, kept by engine,
                "The deepest nesting of expressions and blocks outside of functions.";
            max_function_expr_depth with_max_function_expr_depth: usize = 32, zero: unlimited, kept by engine,
                "The deepest nesting of expressions and blocks in functions.";
            max_functions with_max_functions: usize = 1024, zero: zero, kept by engine,
                "The most functions that the script defines.";
            max_variables with_max_variables: usize = 1024, zero: zero, kept by engine,
                "The most variables at one time, and the most names without a definition in one function.";
            max_arguments with_max_arguments: usize = 32, zero: zero, kept by engine,
                "The most arguments of a call, parameters of a function, and variables that a closure captures."
                " Rhai may look for a function with so many arguments for 10 ms, in which nothing else runs on the lane.";
            max_string_bytes with_max_string_bytes: usize = 1024 * 1024, zero: unlimited, kept by engine,
                "The most text in one value, in bytes: of a string, and of all strings in an array or a map together."
                " Those of the arrays and maps in it are included: Rhai adds them up. Small, since a built-in function that"
                " goes through a text holds the lane's thread.";
            max_array_size with_max_array_size: usize = 100_000, zero: unlimited, kept by engine,
                "The most elements of an array, with those of the arrays in it."
                " It also bounds how deep arrays nest, which printing and dropping them pays for with stack.";
            max_map_size with_max_map_size: usize = 32_768, zero: unlimited, kept by engine,
                "The most properties of an object map, with those of the maps in it.";
            max_map_literal with_max_map_literal: usize = 4096, zero: zero, kept by engine,
                "The most properties of an object map that is written out, as `#{…}`."
                " Rhai compares each with all those before it.";
            max_modules with_max_modules: usize = 1024, zero: zero, kept by engine,
                "The most modules that it imports, each as often as it is imported.";
            max_memory with_max_memory: usize = 64 * 1024 * 1024, zero: zero, kept by run,
                "The most memory that it holds, in bytes."
                " It is counted, and so limited, only if the program's allocator is a"
                " [`ScriptAllocator`](crate::ScriptAllocator). Each block counts 256 bytes beside its size, since copying and"
                " dropping a value takes time for each block of it, in which nothing else runs on the lane: with 64 MiB, less"
                " than 50 ms. A script is stopped at its next operation, so that it may have more for the time of one call of"
                " a native function. Its compiled form is not counted, but for what it has `eval` compile. How deep values"
                " can be depends on it, and so does [`stack_size`](crate::EngineConfig::stack_size).";
            max_log_bytes with_max_log_bytes: usize = 64 * 1024, zero: zero, kept by run,
                "The most text in its log, in bytes; what is beyond is dropped, and the log says so.";
            max_output_bytes with_max_output_bytes: usize = 1024 * 1024, zero: zero, kept by run,
                "The longest result, in bytes of JSON.";
            max_requests with_max_requests: usize = 1000, zero: zero, kept by run,
                "The most requests that are under way or whose results were not fetched.";
            max_wall_time with_max_wall_time: Duration = Duration::from_secs(60 * 60), zero: zero, kept by run,
                "The longest time from its start to its end, waits included.";
            max_cpu_time with_max_cpu_time: Duration = Duration::from_secs(60), zero: zero, kept by run,
                "The longest that it computes, its waits not counted.";
        }
    };
}
