/// What a worker announces of its methods, and counts of their calls.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FiguresConfig {
    /// Whether calls are counted. Default: yes. What the worker has is announced in any case.
    pub counts: bool,
    /// How many methods have counters of their own on each lane; calls of others count together. Default: 1,000.
    pub max_figures: usize,
    /// How many handlers are announced. Default: 256.
    pub max_handlers: usize,
    /// How many methods of each handler are announced. Default: 1,000.
    pub max_methods: usize,
    /// How long what is announced may be, in bytes of JSON; descriptions and schemas are left out before methods.
    /// Default: 256 KiB.
    pub max_description_bytes: usize,
}

impl FiguresConfig {
    /// Sets [`counts`](Self::counts).
    #[must_use]
    pub fn with_counts(mut self, counts: bool) -> Self {
        self.counts = counts;
        self
    }

    /// Sets [`max_figures`](Self::max_figures).
    #[must_use]
    pub fn with_max_figures(mut self, methods: usize) -> Self {
        self.max_figures = methods;
        self
    }

    /// Sets [`max_handlers`](Self::max_handlers).
    #[must_use]
    pub fn with_max_handlers(mut self, handlers: usize) -> Self {
        self.max_handlers = handlers;
        self
    }

    /// Sets [`max_methods`](Self::max_methods).
    #[must_use]
    pub fn with_max_methods(mut self, methods: usize) -> Self {
        self.max_methods = methods;
        self
    }

    /// Sets [`max_description_bytes`](Self::max_description_bytes).
    #[must_use]
    pub fn with_max_description_bytes(mut self, bytes: usize) -> Self {
        self.max_description_bytes = bytes;
        self
    }
}

impl Default for FiguresConfig {
    fn default() -> Self {
        Self {
            counts: true,
            max_figures: 1_000,
            max_handlers: 256,
            max_methods: 1_000,
            max_description_bytes: 256 * 1024,
        }
    }
}
