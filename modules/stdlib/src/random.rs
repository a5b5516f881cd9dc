use rhai::{Blob, Dynamic, Engine, FLOAT, INT, NativeCallContext};
use rhai_dispatcher_engine::{FunctionDoc, script_call};

use crate::argument::Argument;
use crate::error::{Answer, StdlibError};
use crate::sizes::Sizes;

pub(crate) const DOCS: &[FunctionDoc] = &[
    FunctionDoc::new("uuid", &["uuid()"], "A new random UUID (version 4), such as `\"3f0c…\"`, of 36 characters.")
        .errors("The system has no random numbers (kind `system`).")
        .example("uuid().len()", "36"),
    FunctionDoc::new(
        "random",
        &["random()"],
        "A random number from 0.0 up to, and without, 1.0. All random values come from the operating system's \
         generator, and differ when a task runs again.",
    )
    .errors("The system has no random numbers (kind `system`).")
    .example("let r = random(); r >= 0.0 && r < 1.0", "true"),
    FunctionDoc::new(
        "random_int",
        &["random_int(from, to)"],
        "A random whole number from `from` to `to`, both included, each as likely as the others.",
    )
    .errors("`from` is above `to`, or one of them is not a whole number.")
    .example("let dice = random_int(1, 6); dice >= 1 && dice <= 6", "true"),
    FunctionDoc::new("random_bytes", &["random_bytes(count)"], "A blob of `count` random bytes, fit for keys.")
        .errors("`count` is below zero, or above `max_array_size`.")
        .example("random_bytes(16).len()", "16"),
];

pub(crate) fn register(engine: &mut Engine, sizes: Sizes) {
    engine.register_fn("uuid", |context: NativeCallContext<'_>| {
        script_call(&context, || -> Answer<String> {
            let mut bytes = [0; 16];
            fill("uuid", &mut bytes)?;
            Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
        })
    });
    engine.register_fn("random", |context: NativeCallContext<'_>| {
        script_call(&context, || -> Answer<FLOAT> {
            // As many bits as the mantissa has.
            #[expect(clippy::cast_precision_loss, reason = "2^53 and all below have an exact form")]
            Ok((random_u64("random")? >> 11) as FLOAT / (1_u64 << 53) as FLOAT)
        })
    });
    engine.register_fn("random_int", |context: NativeCallContext<'_>, from: Dynamic, to: Dynamic| {
        script_call(&context, || -> Answer<INT> {
            let (from, to) =
                (Argument::new("random_int", "from", &from), Argument::new("random_int", "to", &to));
            Ok(random_int(&from, &to)?)
        })
    });
    engine.register_fn("random_bytes", move |context: NativeCallContext<'_>, count: Dynamic| {
        script_call(&context, || -> Answer<Blob> {
            Ok(random_bytes(&Argument::new("random_bytes", "count", &count), sizes)?)
        })
    });
}

fn random_int(from: &Argument<'_>, to: &Argument<'_>) -> Result<INT, StdlibError> {
    let (low, high) = (from.int()?, to.int()?);
    if low > high {
        return Err(from.problem(format_args!("it is {low}, and `to` is {high}; give the smaller one first")));
    }
    // The count of the numbers, less one, because a count of 2^64 does not fit into 64 bits.
    let range = high.abs_diff(low);
    let Some(count) = range.checked_add(1) else { return Ok(random_u64("random_int")?.cast_signed()) };
    // Rejects numbers above the last multiple of `count`: they would make some results likelier than others.
    let fair = u64::MAX - (u64::MAX % count + 1) % count;
    loop {
        let number = random_u64("random_int")?;
        if number <= fair {
            return Ok(low.wrapping_add_unsigned(number % count));
        }
    }
}

fn random_bytes(count: &Argument<'_>, sizes: Sizes) -> Result<Blob, StdlibError> {
    let number = count.int()?;
    let bytes =
        usize::try_from(number).map_err(|_| count.problem(format_args!("it is {number}; give 0 or more")))?;
    sizes.check_blob("random_bytes", bytes)?;
    let mut blob = vec![0; bytes];
    fill("random_bytes", &mut blob)?;
    Ok(blob)
}

fn random_u64(function: &str) -> Result<u64, StdlibError> {
    let mut bytes = [0; 8];
    fill(function, &mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

fn fill(function: &str, bytes: &mut [u8]) -> Result<(), StdlibError> {
    getrandom::fill(bytes).map_err(|error| {
        StdlibError::System(format!("{function}: the system has no random numbers: {error}; try again later"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_int_covers_its_range_and_no_more() {
        let int = |from: INT, to: INT| {
            let (from, to) = (Dynamic::from(from), Dynamic::from(to));
            random_int(&Argument::new("random_int", "from", &from), &Argument::new("random_int", "to", &to))
        };
        let mut seen = [false; 3];
        // The probability that one of the three numbers is missing after so many draws is below 2^-500.
        for _ in 0..1000 {
            let number = int(-1, 1).expect("a number");
            seen[usize::try_from(number + 1).expect("it is -1 or more")] = true;
        }
        assert_eq!(seen, [true; 3]);
        assert_eq!(int(7, 7), Ok(7));
        assert_eq!(int(INT::MIN, INT::MIN), Ok(INT::MIN));
        assert!(int(INT::MIN, INT::MAX).is_ok());
        assert!(int(0, INT::MAX).is_ok_and(|number| number >= 0));
        let error = int(2, 1).expect_err("the range is empty");
        assert_eq!(error.to_string(), "random_int: from: it is 2, and `to` is 1; give the smaller one first");
    }
}
