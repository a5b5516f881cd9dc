use std::any::TypeId;
use std::mem;

use rhai::{Dynamic, Engine, FnPtr};

use crate::config::limit_name;
use crate::script::error::LimitExceeded;
use crate::script::parse::CURRY;

/// Registers [`CURRY`], with at most `max` arguments.
pub(crate) fn register(engine: &mut Engine, max: usize) {
    for count in 1..=max {
        let mut types = vec![TypeId::of::<Dynamic>(); count + 1];
        types[0] = TypeId::of::<FnPtr>();
        engine.register_raw_fn(CURRY, types, move |_, args| {
            let mut pointer = args[0].clone().cast::<FnPtr>();
            let curried = pointer.curry().len() + count;
            if curried > max {
                let what = "too many arguments of a function pointer, with those that are curried";
                return Err(LimitExceeded::new(what, limit_name!(max_arguments), max).into());
            }
            for argument in &mut args[1..] {
                pointer.add_curry(mem::take(*argument));
            }
            Ok(pointer)
        });
    }
}
