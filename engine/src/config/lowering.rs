use rhai_dispatcher_core::Limits;

use super::engine_config::EngineConfig;

/// The limits that a worker has, and those that a task asks for.
impl EngineConfig {
    /// Sets those limits that are set in `limits`.
    #[must_use]
    pub fn with_limits(mut self, limits: &Limits) -> Self {
        macro_rules! set {
            ($($field:ident)*) => { $(self.$field = limits.$field.unwrap_or(self.$field);)* };
        }
        set! { max_script_bytes max_operations max_call_levels max_expr_depth max_function_expr_depth }
        set! { max_functions max_variables max_arguments max_string_bytes max_array_size max_map_size max_modules }
        set! { max_map_literal max_memory max_log_bytes max_output_bytes max_requests max_wall_time max_cpu_time }
        self
    }

    /// The same, with those of `limits` that are lower.
    pub(crate) fn lowered(&self, limits: &Limits) -> Self {
        let mut config = self.clone();
        macro_rules! lower {
            ($($field:ident)*) => { $(lower(&mut config.$field, limits.$field);)* };
        }
        // Zero is unlimited.
        macro_rules! lower_or_set {
            ($($field:ident)*) => { $(
                if config.$field == 0 {
                    config.$field = limits.$field.unwrap_or(0);
                }
                lower(&mut config.$field, limits.$field);
            )* };
        }
        lower_or_set! { max_operations max_expr_depth max_function_expr_depth }
        lower_or_set! { max_string_bytes max_array_size max_map_size }
        lower! { max_script_bytes max_call_levels max_functions max_variables max_arguments max_modules }
        lower! { max_map_literal max_memory max_log_bytes max_output_bytes max_requests max_wall_time max_cpu_time }
        config
    }
}

fn lower<T: Ord>(own: &mut T, asked: Option<T>) {
    if let Some(asked) = asked.filter(|asked| asked < own) {
        *own = asked;
    }
}
