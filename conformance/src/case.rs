use std::fmt;

use futures::future::LocalBoxFuture;

use crate::Environment;

/// A test of one promise of the contract. A failed case panics or hangs.
#[derive(Clone, Copy)]
pub struct Case {
    /// The name of its function, and of its bullet in the contract.
    pub name: &'static str,
    /// Runs it.
    pub run: for<'e> fn(&'e dyn Environment) -> LocalBoxFuture<'e, ()>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Declares the files of cases and collects their functions in `CASES`. A function that is left
/// out is dead code, about which the compiler warns.
macro_rules! cases {
    ($($file:ident: $($case:ident),+;)+) => {
        $(pub(crate) mod $file;)+

        /// All cases, in the order of the contract.
        pub static CASES: &[$crate::Case] = &[
            $($($crate::Case {
                name: stringify!($case),
                run: |env| Box::pin($file::$case(env)),
            }),+),+
        ];
    };
}

pub(crate) use cases;
