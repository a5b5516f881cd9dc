// Completion of filters.
