use anstyle::{AnsiColor, Style};

/// The looks of what goes to standard error. A plain style prints as nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Styles {
    /// The word `error` and the caret.
    pub(crate) error: Style,
    /// What happened.
    pub(crate) message: Style,
    /// Line numbers and the rulers beside them.
    pub(crate) gutter: Style,
    /// The names of scripts before what they printed.
    pub(crate) name: Style,
}

impl Styles {
    pub(crate) fn coloured() -> Self {
        Self {
            error: AnsiColor::Red.on_default().bold(),
            message: Style::new().bold(),
            gutter: AnsiColor::Blue.on_default().bold(),
            name: Style::new().dimmed(),
        }
    }
}
