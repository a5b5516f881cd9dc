use rhai::{Dynamic, Engine, EvalAltResult, EvalContext, Expr, Expression, ParseErrorType};

use super::guard::guard_ranges;
use super::tokens::{BODY, Body, INDEX, VALUE, block, is_range};
use crate::metering::Budget;
use crate::script::error::NativeResult;
use crate::script::parse::parse_guard::ParseGuard;
use crate::script::value::check_text;

type Answer = NativeResult<Dynamic>;

/// Registers what guarded forms call, and with `eval` what takes the place of Rhai's own: its text is guarded too.
pub(crate) fn register(engine: &mut Engine, eval: bool) {
    // Errors: none with an abstract syntax tree.
    let _ = engine.register_custom_syntax_handler(VALUE, false, |context, inputs, _| {
        placed(value(context, inputs), inputs)
    });
    let _ = engine.register_custom_syntax_handler(INDEX, false, |context, inputs, _| {
        placed(index(context, inputs), inputs)
    });
    let _ = engine.register_custom_syntax_handler(BODY, false, |context, _, body| {
        match body.read_lock::<Body>() {
            Some(body) => run_block(context, &body.0),
            None => Ok(Dynamic::UNIT),
        }
    });
    if eval {
        let registered = engine.register_custom_syntax(["eval", "(", "$expr$", ")"], true, run_text);
        debug_assert!(registered.is_ok(), "`eval` can lead a syntax");
    }
}

/// The value of an assignment, and its index if it is not a range for sure.
fn value(context: &mut EvalContext<'_, '_, '_, '_, '_, '_>, inputs: &[Expression<'_>]) -> Answer {
    let value = context.eval_expression_tree(&inputs[0])?.flatten();
    let limit = context.engine().max_string_size();
    let text = value.as_immutable_string_ref().map(|text| text.len());
    if let Ok(bytes) = text {
        Budget::assign_text(bytes, limit);
        return Ok(value);
    }
    if value.is_int() || value.is_unit() || value.is_bool() || value.is_float() || value.is_char() {
        return Ok(value);
    }
    let ranges = match inputs.get(1) {
        None => true,
        Some(index) => is_range(&context.eval_expression_tree(index)?.flatten()),
    };
    if ranges {
        Budget::assign_text(check_text(context.engine(), &value)?, limit);
    }
    Ok(value)
}

/// Gives an error that has no position that of its expression.
fn placed(answer: Answer, inputs: &[Expression<'_>]) -> Answer {
    answer.map_err(|mut error| {
        if error.position().is_none() {
            error.set_position(inputs[0].position());
        }
        error
    })
}

/// An index that has side effects: it is evaluated after the value has been looked at.
fn index(context: &mut EvalContext<'_, '_, '_, '_, '_, '_>, inputs: &[Expression<'_>]) -> Answer {
    let index = context.eval_expression_tree(&inputs[0])?.flatten();
    match is_range(&index) {
        true => Err(
            "an assignment to a range needs the range written out, or in a variable: `let r = …; s[r] = …`"
                .into(),
        ),
        false => Ok(index),
    }
}

fn run_block(context: &mut EvalContext<'_, '_, '_, '_, '_, '_>, block: &Expr) -> Answer {
    // What it declares stays.
    #[expect(deprecated, reason = "Rhai marks what may change in a later release so")]
    context.eval_expression_tree_raw(&Expression::from(block), false)
}

/// Rhai's `eval`, of a text that is guarded.
fn run_text(context: &mut EvalContext<'_, '_, '_, '_, '_, '_>, inputs: &[Expression<'_>]) -> Answer {
    let position = inputs[0].position();
    let text = context.eval_expression_tree(&inputs[0])?.into_immutable_string().map_err(|found| {
        let found = context.engine().map_type_name(found).to_owned();
        EvalAltResult::ErrorMismatchDataType("string".to_owned(), found, position)
    })?;
    let source = context.source().unwrap_or_default().to_owned();
    let mut frame = context.new_frame().up_call_level();
    let result = ParseGuard::parse(frame.engine(), text.trim()).map_err(Box::from).and_then(|ast| {
        if ast.has_functions() {
            return Err(ParseErrorType::WrongFnDefinition.into());
        }
        // Variables of the script around it may hold ranges.
        let ast = guard_ranges(ast, true);
        run_block(&mut frame, &block(ast.statements().to_vec()))
    });
    result.or_else(|error| match *error {
        EvalAltResult::Return(value, _) => Ok(value),
        EvalAltResult::Exit(..) => Err(error),
        _ => Err(EvalAltResult::ErrorInFunctionCall("eval".to_owned(), source, error, position).into()),
    })
}
