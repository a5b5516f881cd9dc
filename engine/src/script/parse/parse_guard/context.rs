/// What is open around a token.
pub(super) enum Open {
    /// `(`, of a call or not: only calls and parameters have commas.
    Paren {
        commas: usize,
        parameters: bool,
    },
    Square,
    /// `{` of a block, or of the cases of a `switch`, with how many names there were before.
    Brace {
        declared: usize,
    },
    Map {
        properties: usize,
    },
    /// The parameters of a closure. `sure`: it can't be the operator `|`.
    Pipes {
        commas: usize,
        sure: bool,
    },
    /// The body of a closure.
    Closure {
        braced: bool,
    },
    /// A function, from its keyword on.
    Function,
}

/// The token before, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Previous {
    /// An expression can't have ended there.
    Other,
    /// An expression may have ended there.
    Value,
    RightBrace,
    /// Before the name of a property.
    Dot,
    Let {
        exported: bool,
        outlives: bool,
    },
    /// Before the name of a loop's variable.
    For,
    Catch,
    /// Before a name that is not a variable's.
    As,
    Function,
    Export,
    Arrow,
    /// The bars or the body of a closure begin.
    Bar,
}
