/// What is written about one function of scripts. It stands next to the function's registration.
///
/// ```
/// use rhai_dispatcher_engine::FunctionDoc;
///
/// const DOUBLE: FunctionDoc = FunctionDoc::new("double", &["double(number)"], "Twice the number.")
///     .errors("`number` is not a whole number.")
///     .example("double(21)", "42");
/// assert_eq!(DOUBLE.name, "double");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FunctionDoc {
    /// The name, without `_async`.
    pub name: &'static str,
    /// Each form that can be called, with its parameters, such as `sleep(seconds)`.
    pub signatures: &'static [&'static str],
    /// What it does and returns, as Markdown.
    pub does: &'static str,
    /// When it is an error, as Markdown; empty if it has no errors of its own.
    pub errors: &'static str,
    /// A script that calls it.
    pub example: &'static str,
    /// What the example returns, as JSON; empty if that differs from run to run.
    pub gives: &'static str,
    /// Whether there is a form `name_async(...)` that returns a request id at once.
    pub has_async: bool,
}

impl FunctionDoc {
    /// A function without errors and example.
    #[must_use]
    pub const fn new(name: &'static str, signatures: &'static [&'static str], does: &'static str) -> Self {
        Self { name, signatures, does, errors: "", example: "", gives: "", has_async: false }
    }

    /// Sets [`errors`](Self::errors).
    #[must_use]
    pub const fn errors(mut self, errors: &'static str) -> Self {
        self.errors = errors;
        self
    }

    /// Sets [`example`](Self::example) and [`gives`](Self::gives).
    #[must_use]
    pub const fn example(mut self, example: &'static str, gives: &'static str) -> Self {
        self.example = example;
        self.gives = gives;
        self
    }

    /// Sets [`has_async`](Self::has_async).
    #[must_use]
    pub const fn with_async(mut self) -> Self {
        self.has_async = true;
        self
    }
}
