//! What is found out about a script before it is queued.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rhai_dispatcher_core::{Payload, Preflight, TaskErrorKind};
use rhai_dispatcher_engine::{EngineConfig, ScriptChecker};

#[test]
fn bad_scripts_are_refused_with_their_position() {
    let checker = ScriptChecker::new(EngineConfig::new().with_max_script_bytes(100));
    assert_eq!(checker.check(&Payload::script("let x = worker_id; x")), Ok(()));
    let error = checker.check(&Payload::script("let x =\n  ;")).unwrap_err();
    assert_eq!((error.kind, error.line), (TaskErrorKind::Parse, Some(2)));
    let error = checker.check(&Payload::script(" ".repeat(101))).unwrap_err();
    assert_eq!(error.kind, TaskErrorKind::Limit);
}

#[test]
fn many_threads_share_a_checker() {
    let setups = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&setups);
    let config = EngineConfig::new().with_setup(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let checker = ScriptChecker::new(config);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let checker = &checker;
            scope.spawn(move || {
                for i in 0..100 {
                    assert_eq!(checker.check_source(&format!("{thread} + {i}")), Ok(()));
                    assert!(checker.check_source(&format!("{thread} + {i} +")).is_err());
                }
            });
        }
    });
    assert_eq!(setups.load(Ordering::Relaxed), 4, "one parser for each thread");
}

#[test]
fn checkers_on_one_thread_keep_apart() {
    let strict = ScriptChecker::new(EngineConfig::new());
    let lax = ScriptChecker::new(EngineConfig::new().with_allow_eval(true));
    for _ in 0..3 {
        assert!(strict.check_source("eval(\"1\")").is_err());
        assert_eq!(lax.check_source("eval(\"1\")"), Ok(()));
    }
}
