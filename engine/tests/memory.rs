//! What scripts hold of the heap is counted, limited, and given back.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::alloc::System;

use rhai_dispatcher_core::{Outcome, Ran, TaskErrorKind};
use rhai_dispatcher_engine::{EngineConfig, ScriptAllocator};
use support::Bench;

#[global_allocator]
static ALLOCATOR: ScriptAllocator<System> = ScriptAllocator::new(System);

const MIB: usize = 1024 * 1024;

fn limited() -> Bench {
    Bench::with(EngineConfig::new().with_max_memory(2 * MIB))
}

#[test]
fn a_script_that_takes_too_much_memory_ends_in_an_error_that_names_the_limit() {
    let bench = limited();
    let long = "let t = `x`; for i in 0..18 { t += t; }";
    for script in [
        &format!("fn f(n) {{ {long} f(n + 1) }} f(0)"),
        &format!("fn f(n) {{ {long} try {{ f(n + 1) }} catch {{ loop {{}} }} }} f(0)"),
        &format!("fn f(n) {{ {long} [1].map(|x| f(n + 1)) }} f(0)"),
        &format!("let a = 1; loop {{ {long} let b = [a, t]; a = || b; }}"),
        "let a = 1; loop { let b = a; a = || b; }",
    ] {
        let error = bench.error(script);
        assert_eq!(error.kind, TaskErrorKind::Limit, "{script}: {error}");
        assert!(error.message.contains("2097152"), "{script}: {error}");
        assert!(error.line.is_some(), "{script}: {error}");
        drop(error); // its text was the script's
        assert_eq!(bench.handler.memory_accounts(), 0, "{script}");
    }
}

#[test]
fn many_small_values_count_for_the_time_that_copies_of_them_take() {
    // 10,001 blocks of 0.4 MB together: more than 2 MiB with 256 bytes for each.
    let script = |arrays| format!("let a = []; for i in 0..{arrays} {{ a.push([i]); }} a.len()");
    let error = limited().error(&script(5_000));
    assert!(error.message.contains("more memory than the limit of 2097152"), "{error}");
    assert_eq!(limited().value(&script(2_000)), "2000");
}

#[test]
fn script_that_has_to_end_yields_before_its_values_are_dropped() {
    let bench = {
        let clock = rhai_dispatcher_core::ManualClock::new();
        let of_copy = clock.clone();
        let config = EngineConfig::new().with_max_memory(2 * MIB).with_setup(move |engine| {
            let clock = of_copy.clone();
            engine.register_fn("large", move || {
                clock.advance(std::time::Duration::from_millis(10));
                vec![rhai::Dynamic::from_array(vec![1.into()]); 10_000]
            });
        });
        Bench { clock, ..Bench::with(config) }
    };
    let mut run = bench.start("let a = large(); a.len()");
    assert!(run.poll().is_pending());
    let std::task::Poll::Ready(Ran::Finished(Outcome::Error(error), _)) = run.poll() else {
        panic!("it ends in its second slice")
    };
    assert_eq!(error.kind, TaskErrorKind::Limit, "{error}");
}

#[test]
fn memory_that_was_given_back_does_not_count() {
    let script = "for i in 0..200 { let t = `x`; for i in 0..18 { t += t; } } let a = []; \
                  for i in 0..2000 { a.push(blob(1_000)); if a.len() > 8 { a.clear(); } } 1";
    assert_eq!(limited().value(script), "1");
}

#[test]
fn scripts_beside_it_have_accounts_of_their_own() {
    let bench = limited();
    let script = |size: usize| format!("let t = blob({size}); sleep(5); t.len()");
    let mut waiting: Vec<_> = (0..10).map(|_| bench.start(&script(9_000))).collect();
    for run in &mut waiting {
        assert!(run.poll().is_pending());
    }
    assert_eq!(bench.handler.memory_accounts(), 10);
    assert_eq!(
        bench.kind("fn f(n) { let t = `x`; for i in 0..18 { t += t; } f(n + 1) } f(0)"),
        TaskErrorKind::Limit
    );
    bench.clock.advance(std::time::Duration::from_secs(5));
    for run in waiting {
        assert_eq!(run.value(), "9000");
    }
    assert_eq!(bench.handler.memory_accounts(), 0);
}

#[test]
fn what_a_script_leaves_is_counted_until_it_is_dropped() {
    let bench = limited();
    let (outcome, log) = bench.run("print(`hello`); let s = ``; s.pad(1000, `x`); s");
    assert_eq!(bench.handler.memory_accounts(), 1);
    std::thread::spawn(move || drop((outcome, log))).join().unwrap();
    assert_eq!(bench.handler.memory_accounts(), 0);
}

#[test]
fn the_longest_chains_of_closures_are_dropped() {
    // Their depth has a limit of its own, which the usual limit of memory is above.
    let bench = Bench::new();
    for script in [
        "let a = 1; loop { let b = a; a = || b; }",
        "let a = 1; loop { let b = [a]; a = || b; }",
        "let a = 1; loop { let b = #{a: a}; a = [|| b]; }",
    ] {
        let error = bench.error(script);
        assert_eq!(error.kind, TaskErrorKind::Limit, "{script}: {error}");
        assert!(error.message.contains("nested too deep (limit: 32768)"), "{script}: {error}");
        drop(error);
        assert_eq!(bench.handler.memory_accounts(), 0, "{script}");
    }
}

/// Scripts whose values hold themselves, each in another way.
const CIRCLES: [&str; 15] = [
    "let a = 0; a = || a; 1",
    "let a = #{}; a.me = || a; 1",
    "let a = []; a.push(|| a); a.push([|x| a.len() + x]); 1",
    "let a = 0; let b = || a; a = #{deep: [#{b: b}]}; 1",
    "let a = 0; let b = 0; let c = || b; b = || a; a = || c; 1",
    "let a = 0; const K = || a; a = || K; 1",
    "for i in 0..500 { let a = i; let f = |x| a + x; a = [f, || a]; } 1",
    "fn f(n) { let a = n; a = || a; if n > 0 { f(n - 1) } else { 1 } } f(10)",
    "fn f(a) { let g = || a; a = g; 1 } f(0)",
    "let a = #{n: 0}; let add = |x| { this.n += x; this.f = || a; }; a.add = add; a.add(1); 1",
    "for x in [1, 2] { let y = [x]; y.push(|| x); let f = || y; y.push(f); } 1",
    "let a = 0; let o = 0; a = || o; o = [1, 2].map(|x| || a); 1",
    "let a = 0; switch 1 { 1 => { let b = 0; b = || b; } } if true { let b = 0; b = || b; } 1",
    "let a = 0; try { let b = 0; b = || b; throw b; } catch (e) { a = || e; e = || a; } 1",
    "let a = 0; let a = || a; a = || a; let f = || [a, f]; 1",
];

#[test]
fn circles_are_freed_at_the_end_of_their_script() {
    let bench = limited();
    for script in CIRCLES {
        let outcome = bench.run(script).0;
        drop(outcome);
        assert_eq!(bench.handler.memory_accounts(), 0, "{script}");
    }
}

#[test]
fn circles_are_freed_however_their_script_ends() {
    let config = EngineConfig::new().with_max_memory(2 * MIB).with_setup(|engine| {
        // Without the panic hook, since what that writes is kept by the test's output.
        engine.register_fn("panic_now", || -> i64 { std::panic::resume_unwind(Box::new("on purpose")) });
    });
    let bench = Bench::with(config);
    for end in ["throw 1", "panic_now()", "nothing()", "loop { a = [a, || a]; }", "[1].map(|x| panic_now())"]
    {
        let error = bench.error(&format!("let a = 0; a = || a; {{ let b = 0; b = || b; }} {end}"));
        drop(error);
        assert_eq!(bench.handler.memory_accounts(), 0, "{end}");
    }
    let mut stopped = bench.start("let a = 0; a = || a; { let b = 0; b = || b; } sleep(5); a");
    assert!(stopped.poll().is_pending());
    drop(stopped);
    assert_eq!(bench.handler.memory_accounts(), 0);
}

#[test]
fn captured_variables_mean_the_same_as_in_rhai() {
    let bench = Bench::new();
    for (script, value) in [
        ("let a = 1; let f = || a; a = 2; f.call()", "2"),
        ("let a = 1; let f = || { a += 1; a }; f.call(); f.call(); a", "3"),
        ("let a = 1; let b = a; let f = || a; a = 5; b + f.call()", "6"),
        ("const A = [1]; let f = || A; f.call()", "[1]"),
        ("let a = [1, 2]; let f = |x| { a.push(x); }; f.call(3); a", "[1,2,3]"),
        ("let f = []; for x in 0..3 { f.push(|| x); } f.map(|g| g.call())", "[2,2,2]"),
        ("fn f(a) { let g = || { a += 1; a }; [g.call(), g.call(), a] } f(1)", "[2,3,3]"),
        ("let a = #{n: 1}; let f = || a.n; a.n = 7; f.call()", "7"),
        ("let a = 1; let f = || a; let a = 2; let g = || a; a = 3; [f.call(), g.call()]", "[1,3]"),
    ] {
        assert_eq!(bench.value(script), value, "{script}");
    }
}

#[test]
fn cells_that_are_gone_are_not_kept_for_the_rest_of_the_script() {
    assert_eq!(limited().value("for i in 0..20000 { let t = blob(1000); let f = || t; } 1"), "1");
}

#[test]
fn circles_of_a_script_count_against_its_limit() {
    let bench = limited();
    let error = bench.error("loop { let t = blob(1_000); let a = 0; a = || [a, t]; }");
    assert_eq!(error.kind, TaskErrorKind::Limit);
    assert!(error.message.contains("2097152"), "{error}");
    drop(error);
    assert_eq!(bench.handler.memory_accounts(), 0);
}

#[test]
fn accounts_return_to_zero_after_100_000_tasks() {
    let (bench, alive) =
        Bench::with_stubs(EngineConfig::new().with_max_memory(MIB).with_max_operations(5_000));
    let scripts = [
        "40 + 2",
        "let a = []; for i in 0..50 { a.push(`item ${i}`); } a",
        "let m = #{a: 1, b: [1, 2, #{c: `x`}]}; print(m); m.to_json()",
        "let n = 0; let add = |x| { n += x; }; add.call(1); n",
        "throw #{code: 1, text: `no`}",
        "loop {}",
        "fn f(n) { let t = `x`; for i in 0..18 { t += t; } f(n + 1) } f(0)",
        "parse_json(`{\"a\": [1, 2, {\"b\": null}]}`)",
        "try { 1 / 0 } catch (e) { print(e) }",
        "echo(`x`)",
        "no_such_function()",
        "sleep(1)",
    ];
    let tasks = if cfg!(debug_assertions) { 5_000 } else { 100_000 };
    for number in 0..tasks {
        let mut run = bench.start(scripts[number % scripts.len()]);
        if run.poll().is_pending() && number % 24 < 12 {
            bench.clock.advance(std::time::Duration::from_secs(1));
            assert!(run.poll().is_ready());
        }
        drop(run); // half of those that sleep are stopped by this
    }
    assert_eq!(bench.handler.memory_accounts(), 0);
    drop(alive);
}
