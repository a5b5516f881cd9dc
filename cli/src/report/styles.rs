use anstyle::{AnsiColor, Style};

/// The styles of the text on standard error. A plain style prints nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Styles {
    /// The word `error` and the caret.
    pub(crate) error: Style,
    /// The message of an error.
    pub(crate) message: Style,
    /// Line numbers and the rulers beside them.
    pub(crate) gutter: Style,
    /// The names of scripts before their lines.
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
