//! The four patterns of use from the time before this engine. The only change is one number, because `sleep`
//! counts seconds.

mod support;

use rhai_dispatcher_core::{Outcome, Ran};
use support::{bench, bench_with, config, run, stripe};

const FIRE_AND_FORGET: &str = r#"
configure_stripe(STRIPE_API_KEY);
// Start multiple async operations immediately - NO BLOCKING!
let product_req = new_product()
.name("Product 1")
.create_async();
let price_req = new_price()
.amount(1000)
.create_async();
let coupon_req = new_coupon()
.percent_off(25)
.create_async();
print("All requests started, continuing with other work...");
// Do other work while APIs are processing
for i in 1..100 {
print(`Doing work: ${i}`);
}
// Check results when ready
if is_complete(product_req) {
let product_id = get_result(product_req);
print(`Product created: ${product_id}`);
}
"#;

const POLLING: &str = r#"
// Start async operation
let request_id = new_product()
.name("My Product")
.create_async();
print("Request started, polling for completion...");
// Poll until complete (non-blocking)
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
// Small delay between checks
sleep(0.1);
}
"#;

const AWAIT: &str = r#"
// Start async operation and wait for result
let request_id = new_product()
.name("My Product")
.create_async();
print("Request started, waiting for result...");
// This polls internally but doesn't block other scripts
try {
let product_id = await_result(request_id, 30); // 30 second timeout
print(`Product created: ${product_id}`);
} catch(error) {
print(`Failed: ${error}`);
}
"#;

const CONCURRENT: &str = r#"
// Start multiple operations concurrently
let requests = [];
for i in 1..5 {
let req = new_product()
.name(`Product ${i}`)
.create_async();
requests.push(req);
}
print("Started 5 concurrent product creations");
// Wait for all to complete
let results = [];
for req in requests {
let result = await_result(req, 30);
results.push(result);
print(`Product created: ${result}`);
}
print(`All ${results.len()} products created!`);
"#;

#[test]
fn fire_and_forget() {
    let server = stripe();
    let (outcome, log) = run(&bench_with(config(&server)), FIRE_AND_FORGET);
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    let text = format!("{log:?}");
    assert!(text.contains("All requests started") && text.contains("Doing work: 99"), "{text}");
    // The calls completed: the script awaited them, or they continued after its end.
    let mut asked: Vec<_> = server.asked().into_iter().map(|asked| (asked.path, asked.body)).collect();
    asked.sort();
    let expected = [
        ("/v1/coupons", "percent_off=25"),
        ("/v1/prices", "unit_amount=1000"),
        ("/v1/products", "name=Product+1"),
    ];
    assert_eq!(asked, expected.map(|(path, body)| (path.into(), body.into())));
}

#[test]
fn polling() {
    let server = stripe();
    let bench = bench(&server);
    let mut started = bench.start(POLLING);
    let log = loop {
        if let std::task::Poll::Ready(Ran::Finished(outcome, log)) = started.poll() {
            assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
            break format!("{log:?}");
        }
        // The script's clock is not faster than the server's.
        std::thread::sleep(std::time::Duration::from_millis(1));
        bench.clock.advance(std::time::Duration::from_millis(1));
    };
    assert!(log.contains("polling for completion") && log.contains("Success: prod_0"), "{log}");
}

#[test]
fn awaiting() {
    let server = stripe();
    let (outcome, log) = run(&bench(&server), AWAIT);
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    assert!(format!("{log:?}").contains("Product created: prod_0"), "{log:?}");
    // The same without a key.
    let (outcome, log) = run(&bench_with(config(&server)), AWAIT);
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    assert!(
        format!("{log:?}").contains("Failed: ") && format!("{log:?}").contains("not_configured"),
        "{log:?}"
    );
}

#[test]
fn concurrent() {
    let server = stripe();
    let (outcome, log) = run(&bench(&server), CONCURRENT);
    assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
    assert!(format!("{log:?}").contains("All 4 products created!"), "{log:?}");
    assert_eq!(server.asked().len(), 4);
}
