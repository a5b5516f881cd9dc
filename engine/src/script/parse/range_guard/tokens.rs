use rhai::{Dynamic, Expr, Position, Shared, Stmt, StmtBlock};

// No text of a script has tokens like these.

/// The value of an assignment to an index that may be a range.
pub(super) const VALUE: &str = "value for a range";
/// The index of such an assignment, if it has side effects.
pub(super) const INDEX: &str = "index with side effects";
/// The body of a function that is guarded; its state is a [`Body`].
pub(super) const BODY: &str = "body of a function";

/// The body of a function, an [`Expr::Stmt`].
#[derive(Clone)]
pub(super) struct Body(pub(super) Shared<Expr>);

/// A block of these statements, as an expression.
pub(super) fn block(statements: Vec<Stmt>) -> Shared<Expr> {
    let block = StmtBlock::new(statements, Position::NONE, Position::NONE);
    Shared::new(Expr::Stmt(Box::new(block)))
}

/// Whether a value is a range.
pub(super) fn is_range(value: &Dynamic) -> bool {
    value.is::<std::ops::Range<rhai::INT>>() || value.is::<std::ops::RangeInclusive<rhai::INT>>()
}
