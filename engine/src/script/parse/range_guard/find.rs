use rhai::{ASTFlags, ASTNode, BinaryExpr, Expr, Stmt};

use super::tokens::is_range;
use crate::script::run::on_progress;

/// The longest constant text that may be assigned unseen, in bytes.
const SHORT: usize = 64;

/// What is in a compiled form.
pub(super) struct Found {
    /// Something that makes a range, or may get one from elsewhere.
    pub(super) ranges: bool,
    /// An assignment that has to be guarded if there are ranges.
    pub(super) assignments: bool,
}

impl Found {
    pub(super) fn note(&mut self, path: &[ASTNode<'_>]) -> bool {
        let makes = |name: &str| matches!(name, ".." | "..=" | "range" | "Fn");
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
                self.assignments |= needs_guard(&assignment.1);
            }
            Some(ASTNode::Stmt(Stmt::Import(..))) | Some(ASTNode::Expr(Expr::Custom(..))) => {
                self.ranges = true;
            }
            Some(ASTNode::Stmt(Stmt::FnCall(call, _))) => self.ranges |= makes(&call.name),
            // What a loop counts through gets nowhere else.
            Some(ASTNode::Expr(_)) if matches!(path, [.., ASTNode::Stmt(Stmt::For(..)), _]) => {}
            Some(ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _))) => {
                self.ranges |= makes(&call.name);
            }
            Some(ASTNode::Expr(Expr::DynamicConstant(value, _))) => self.ranges |= is_range(value),
            _ => {}
        }
        // Long scripts are walked in slices, as they are parsed. The result of one that has to end is not used.
        let _ = on_progress();
        true
    }
}

pub(super) fn needs_guard(assignment: &BinaryExpr) -> bool {
    let plain = match &assignment.rhs {
        Expr::StringConstant(text, _) => text.len() <= SHORT,
        value => is_scalar(value),
    };
    !plain && Target::of(&assignment.lhs).is_some_and(|target| !is_scalar(target.index))
}

/// An index that is assigned to, the last one of a chain.
pub(super) struct Target<'a> {
    pub(super) index: &'a Expr,
    /// Whether nothing before it has side effects.
    pub(super) inert: bool,
}

impl<'a> Target<'a> {
    pub(super) fn of(mut chain: &'a Expr) -> Option<Self> {
        let mut inert = true;
        loop {
            let (link, indexes) = match chain {
                Expr::Index(link, ..) => (link, true),
                Expr::Dot(link, ..) => (link, false),
                _ => return None,
            };
            inert &= is_inert(&link.lhs);
            if is_link(chain, link) {
                chain = &link.rhs;
            } else {
                return indexes.then_some(Self { index: &link.rhs, inert });
            }
        }
    }
}

/// The index of a [`Target`].
pub(super) fn last_index(mut chain: &mut Expr) -> Option<&mut Expr> {
    loop {
        let (continues, indexes) = match &*chain {
            Expr::Index(link, ..) => (is_link(chain, link), true),
            Expr::Dot(link, ..) => (is_link(chain, link), false),
            _ => return None,
        };
        let (Expr::Index(link, ..) | Expr::Dot(link, ..)) = chain else { return None };
        if !continues {
            return indexes.then_some(&mut link.rhs);
        }
        chain = &mut link.rhs;
    }
}

/// Whether the chain continues in its right side.
fn is_link(chain: &Expr, link: &BinaryExpr) -> bool {
    matches!(link.rhs, Expr::Index(..) | Expr::Dot(..)) && !chain.options().intersects(ASTFlags::BREAK)
}

/// Whether it is a constant that has no parts, and no range.
fn is_scalar(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::IntegerConstant(..)
            | Expr::StringConstant(..)
            | Expr::CharConstant(..)
            | Expr::BoolConstant(..)
            | Expr::FloatConstant(..)
            | Expr::Unit(..)
    )
}

/// Whether it can be evaluated twice, with the same result.
pub(super) fn is_inert(expression: &Expr) -> bool {
    match expression {
        Expr::Variable(..) | Expr::ThisPtr(..) | Expr::Property(..) => true,
        Expr::FnCall(call, _) => call.is_operator_call() && call.args.iter().all(is_inert),
        other => other.is_constant(),
    }
}

/// Whether it is a range, when it has a value.
pub(super) fn makes_range(expression: &Expr) -> bool {
    match expression {
        Expr::FnCall(call, _) => matches!(call.name.as_str(), ".." | "..=" | "range"),
        _ => false,
    }
}
