//! The four ways to use requests, as the guides show them, with functions that take a second each.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use rhai_dispatcher_core::{LogLevel, Outcome, TaskLog};
use rhai_dispatcher_engine::EngineConfig;
use support::Bench;

/// What the script printed, and what the engine added to its log.
fn logged(log: &TaskLog) -> (Vec<&str>, Vec<&str>) {
    let of =
        |level| log.lines().iter().filter(move |line| line.level == level).map(|line| line.text.as_str());
    (of(LogLevel::Print).collect(), of(LogLevel::Debug).collect())
}

fn play(source: &str) -> (Outcome, TaskLog, std::time::Duration) {
    use rhai_dispatcher_core::Clock;
    let (bench, _) = Bench::with_stubs(EngineConfig::new());
    let start = bench.clock.now();
    let (outcome, log) = bench.play(source);
    (outcome, log, bench.clock.now() - start)
}

#[test]
fn fire_and_forget() {
    let (outcome, log, took) = play(
        r#"
        let product_req = new_product().name("Product 1").create_async();
        let second_req = new_product().name("Product 2").create_async();
        let coupon_req = new_product().create_async();

        print("All requests started, continuing with other work...");
        for i in 1..100 {
            print(`Doing work: ${i}`);
        }

        if is_complete(product_req) {
            let product_id = get_result(product_req);
            print(`Product created: ${product_id}`);
        }
        "#,
    );
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    let (printed, added) = logged(&log);
    assert_eq!(printed.len(), 100, "the work took no time, so nothing was complete");
    assert_eq!(
        added,
        [
            r#"request 1 (`create`) completed: "prod_Product 1""#,
            r#"request 2 (`create`) completed: "prod_Product 2""#,
            "request 3 (`create`) failed: a name is missing",
        ]
    );
    assert_eq!(took.as_secs(), 1);
}

#[test]
fn polling() {
    let (outcome, log, took) = play(
        r#"
        let request_id = new_product().name("My Product").create_async();
        print("Request started, polling for completion...");
        let max_attempts = 100;
        let attempt = 0;
        while attempt < max_attempts {
            if is_complete(request_id) {
                let result = get_result(request_id);
                print(`Success: ${result}`);
                break;
            }
            print(`Attempt ${attempt}: still waiting...`);
            attempt += 1;
            sleep(0.4);
        }
        "#,
    );
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    let (printed, _) = logged(&log);
    assert_eq!(
        printed,
        [
            "Request started, polling for completion...",
            "Attempt 0: still waiting...",
            "Attempt 1: still waiting...",
            "Attempt 2: still waiting...",
            "Success: prod_My Product",
        ]
    );
    assert_eq!(took.as_millis(), 1200);
}

#[test]
fn awaiting() {
    let source = |name: &str| {
        format!(
            r#"
            let request_id = new_product().name("{name}").create_async();
            print("Request started, waiting for result...");
            try {{
                let product_id = await_result(request_id, 30); // 30 second timeout
                print(`Product created: ${{product_id}}`);
            }} catch(error) {{
                print(`Failed: ${{error}}`);
            }}
            "#
        )
    };
    for (name, last) in
        [("My Product", "Product created: prod_My Product"), ("", "Failed: a name is missing")]
    {
        let (outcome, log, took) = play(&source(name));
        assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
        let (printed, added) = logged(&log);
        assert_eq!(printed, ["Request started, waiting for result...", last]);
        assert!(added.is_empty(), "{added:?}");
        assert_eq!(took.as_secs(), 1);
    }
}

#[test]
fn concurrent_operations() {
    let (outcome, log, took) = play(
        r#"
        let requests = [];
        for i in 1..5 {
            let req = new_product().name(`Product ${i}`).create_async();
            requests.push(req);
        }
        print("Started concurrent product creations");
        let results = [];
        for req in requests {
            let result = await_result(req, 30);
            results.push(result);
            print(`Product created: ${result}`);
        }
        print(`All ${results.len()} products created!`);
        results
        "#,
    );
    let Outcome::Completed(output) = outcome else { panic!("{outcome:?}") };
    assert_eq!(
        output.as_json().as_str(),
        r#"["prod_Product 1","prod_Product 2","prod_Product 3","prod_Product 4"]"#
    );
    let (printed, _) = logged(&log);
    assert_eq!(printed.last(), Some(&"All 4 products created!"));
    assert_eq!(took.as_secs(), 1, "they ran side by side");
}
