use std::mem;

use rhai::{
    AST, ASTNode, BinaryExpr, CustomExpr, Dynamic, Engine, Expr, ImmutableString, OptimizationLevel,
    Position, ScriptFuncDef, Shared, Stmt, StmtBlock, Token,
};

use super::find::{Target, is_inert, last_index, makes_range, needs_guard};
use super::tokens::{BODY, Body, INDEX, VALUE, block};
use crate::script::run::on_progress;

/// The definition of a function whose body is guarded. `only` has that function alone.
///
/// Rhai gives no access to the type of a body: that of a function whose body is [`BODY`] takes its place.
pub(super) fn guard_function(function: Shared<ScriptFuncDef>, only: &AST) -> Shared<ScriptFuncDef> {
    let mut statements = Vec::new();
    only.walk(&mut |path| {
        if let [ASTNode::Stmt(statement)] = path {
            statements.push((*statement).clone());
        }
        true
    });
    guard_statements(&mut statements);
    let body = Dynamic::from(Body(block(statements)));
    let mut engine = Engine::new_raw();
    engine.set_optimization_level(OptimizationLevel::None);
    engine.register_custom_syntax_with_state_raw(
        BODY,
        move |_, _, state| {
            *state = body.clone();
            Ok(None)
        },
        false,
        |_, _, _| Ok(Dynamic::UNIT),
    );
    #[expect(deprecated, reason = "Rhai marks what may change in a later release so")]
    engine.on_parse_token(|token, _, _| match token {
        Token::Identifier(name) if *name == "body" => Token::Identifier(Box::new(BODY.into())),
        token => token,
    });
    let template = engine.compile("fn template() { body }");
    let template =
        template.ok().and_then(|ast| ast.iter_fn_def().next().map(|function| (**function).clone()));
    debug_assert!(template.is_some(), "the template can be parsed");
    let mut guarded = (*function).clone();
    if let Some(mut template) = template {
        mem::swap(&mut guarded.body, &mut template.body);
    }
    Shared::new(guarded)
}

pub(super) fn guard_statements<'a>(statements: impl IntoIterator<Item = &'a mut Stmt>) {
    for statement in statements {
        let _ = on_progress(); // as `Found::note` does
        guard_statement(statement);
    }
}

fn guard_block(block: &mut StmtBlock) {
    guard_statements(block.statements_mut().iter_mut());
}

fn guard_statement(statement: &mut Stmt) {
    match statement {
        Stmt::If(flow, _) | Stmt::While(flow, _) | Stmt::Do(flow, ..) | Stmt::TryCatch(flow, _) => {
            guard_expression(&mut flow.expr);
            guard_block(&mut flow.body);
            guard_block(&mut flow.branch);
        }
        Stmt::For(each, _) => {
            guard_expression(&mut each.2.expr);
            guard_block(&mut each.2.body);
            guard_block(&mut each.2.branch);
        }
        Stmt::Switch(switch, _) => {
            guard_expression(&mut switch.0);
            for case in &mut switch.1.expressions {
                guard_expression(&mut case.lhs);
                guard_expression(&mut case.rhs);
            }
        }
        Stmt::Var(variable, ..) => guard_expression(&mut variable.1),
        Stmt::Assignment(assignment) => {
            let needs_guard = needs_guard(&assignment.1);
            guard_expression(&mut assignment.1.lhs);
            guard_expression(&mut assignment.1.rhs);
            if needs_guard {
                guard_assignment(&mut assignment.1);
            }
        }
        Stmt::FnCall(call, _) => call.args.iter_mut().for_each(guard_expression),
        Stmt::Block(block) => guard_block(block),
        Stmt::Expr(expression) => guard_expression(expression),
        Stmt::BreakLoop(Some(expression), ..) | Stmt::Return(Some(expression), ..) => {
            guard_expression(expression);
        }
        Stmt::Import(import, _) => guard_expression(&mut import.0),
        _ => {}
    }
}

/// Guards the assignments in an expression. It recurses as Rhai does to evaluate it, but not for long chains.
fn guard_expression(mut expression: &mut Expr) {
    loop {
        expression = match expression {
            Expr::InterpolatedString(parts, _) | Expr::Array(parts, _) => {
                return parts.iter_mut().for_each(guard_expression);
            }
            Expr::Map(map, _) => return map.0.iter_mut().for_each(|(_, value)| guard_expression(value)),
            Expr::Stmt(block) => return guard_block(block),
            Expr::FnCall(call, _) | Expr::MethodCall(call, _) => {
                let Some((first, others)) = call.args.split_first_mut() else { return };
                others.iter_mut().for_each(guard_expression);
                first
            }
            Expr::Dot(link, ..) | Expr::Index(link, ..) => {
                guard_expression(&mut link.lhs);
                &mut link.rhs
            }
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                return parts.iter_mut().for_each(guard_expression);
            }
            Expr::Custom(custom, _) => return custom.inputs.iter_mut().for_each(guard_expression),
            _ => return,
        };
    }
}

fn guard_assignment(assignment: &mut BinaryExpr) {
    let Some(target) = Target::of(&assignment.lhs) else { return };
    let mut inputs = vec![mem::take(&mut assignment.rhs)];
    let position = inputs[0].position();
    if makes_range(target.index) {
        // The value alone will do.
    } else if target.inert && is_inert(target.index) {
        inputs.push(target.index.clone());
    } else {
        inputs.push(Expr::Unit(position));
        if let Some(index) = last_index(&mut assignment.lhs) {
            let position = index.position();
            *index = call(INDEX, vec![mem::take(index)], position);
        }
    }
    assignment.rhs = call(VALUE, inputs, position);
}

fn call(name: &str, inputs: Vec<Expr>, position: Position) -> Expr {
    let custom = CustomExpr {
        inputs: inputs.into(),
        tokens: [ImmutableString::from(name)].into_iter().collect(),
        state: Dynamic::UNIT,
        scope_may_be_changed: false,
        self_terminated: false,
    };
    Expr::Custom(Box::new(custom), position)
}
