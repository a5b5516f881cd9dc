use super::function_doc::FunctionDoc;

/// What is written about the functions of one module, such as those of the engine itself or those for HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModuleDoc {
    /// The heading, such as `HTTP`.
    pub title: &'static str,
    /// What the functions have in common, as Markdown.
    pub about: &'static str,
    /// The functions in the order of the reference, in groups.
    pub functions: &'static [&'static [FunctionDoc]],
}

impl ModuleDoc {
    /// A module with these groups of functions.
    #[must_use]
    pub const fn new(
        title: &'static str,
        about: &'static str,
        functions: &'static [&'static [FunctionDoc]],
    ) -> Self {
        Self { title, about, functions }
    }

    /// All functions, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'static FunctionDoc> + use<> {
        self.functions.iter().flat_map(|group| group.iter())
    }
}
