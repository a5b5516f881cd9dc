use futures::executor::block_on;
use rhai_dispatcher::RhaiWorker;
use rhai_dispatcher::handlers::MethodHandler;
use serde_json::json;

use crate::browser::Browser;
use crate::site::Site;

/// The keys Enter and Space, as WebDriver names them.
const ENTER: &str = "\u{e007}";
const SPACE: &str = " ";

#[test]
fn raw_texts_are_copied_whether_short_or_long_by_keys_and_it_is_said() {
    let site = Site::start();
    let browser = site.browser();
    browser.allow_clipboard();
    let script = "\n// \u{202e}right\nprint(`one`);\nprint(\"two\\u0000\");\nargs.text";
    let text = "<b>é</b>\n".repeat(10_000);
    let request = site.dispatcher.new_play_request().worker_id("main").script(script).arg("text", &text);
    let details = block_on(request.into_future()).expect("its end");
    assert_eq!(details.error, None);
    browser.go(&site.url(&format!("/tasks/{}", details.task_id)));
    copy(&browser, "id", ENTER, &details.task_id.to_string());
    // The page shows a part of these, with signs in place of characters.
    copy(&browser, "script", SPACE, script);
    copy(&browser, "arguments", ENTER, details.args.as_str());
    copy(&browser, "output", SPACE, details.output.as_ref().expect("an output").as_json().as_str());
    copy(&browser, "log", ENTER, "one\ntwo\0\n");

    // The page shows all of these, without the quotation marks of JSON or with more space.
    let short = site.run("\"a\\tb\"");
    browser.go(&site.url(&format!("/tasks/{}", short.task_id)));
    browser.wait("document.getElementById('output').textContent === 'a\\tb'");
    copy(&browser, "output", ENTER, r#""a\tb""#);
    let request = site.dispatcher.new_play_request().worker_id("main").script("throw #{ n: args.n }");
    let failed = block_on(request.arg("n", 7).into_future()).expect("its end");
    browser.go(&site.url(&format!("/tasks/{}", failed.task_id)));
    copy(&browser, "arguments", ENTER, r#"{"n":7}"#);
    copy(&browser, "error", ENTER, &failed.error.as_ref().expect("an error").to_string());
    copy(&browser, "thrown value", ENTER, r#"{"n":7}"#);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn schema_of_a_method_is_copied_as_its_worker_announces_it() {
    let site = Site::start();
    let browser = site.browser();
    browser.allow_clipboard();
    let math =
        MethodHandler::new("math").with_method("half", |(n,): (i64,)| async move { Ok::<_, String>(n / 2) });
    let worker = RhaiWorker::builder("native").url(site.redis.url()).threads(1).handler(math);
    let running = block_on(worker.build().expect("a worker").start()).expect("it serves");
    let half = site.dispatcher.call("math.half").worker_id("native").params([42]);
    assert_eq!(block_on(half.into_future()).expect("its end").error, None);

    browser.go(&site.url("/methods/native/math.half"));
    let raw = site.get("/methods/native/math.half/schema");
    assert!(raw.status == 200 && raw.head.contains("text/plain; charset=utf-8"), "{}", raw.head);
    let shown = "document.getElementById('schema').textContent";
    browser.wait(&format!("JSON.stringify(JSON.parse({shown})) === {}", json!(raw.body)));
    copy(&browser, "schema", ENTER, &raw.body);
    // A function of a script has none.
    let none = site.get("/methods/main/shop.price/schema");
    assert!(none.status == 404 && none.body.contains("shop.price has no schema"), "{}", none.body);
    assert_eq!(browser.complaints(), Vec::<String>::new());
    block_on(running.drain()).expect("it drains");
}

#[test]
fn text_that_can_not_be_read_is_not_copied_and_it_is_said() {
    let site = Site::start();
    let browser = site.browser();
    browser.allow_clipboard();
    let details = site.run("6 * 7");
    browser.go(&site.url(&format!("/tasks/{}", details.task_id)));
    copy(&browser, "output", ENTER, "42");
    // As if the task had been forgotten since the page was read.
    browser.run(
        "document.querySelector('button[aria-label=\"Copy the output\"]').dataset.copyFrom =
             new URL('../tasks/00000000-0000-4000-8000-000000000000/output', location)",
    );
    browser.type_into("button[aria-label='Copy the output']", ENTER);
    browser.wait_for_text("#notices [role=alert]", "The output was not copied.");
    assert_eq!(browser.clipboard(), "42", "what was copied before is still there");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn text_is_copied_where_a_browser_has_no_clipboard_for_pages() {
    let site = Site::start();
    let browser = site.browser();
    browser.allow_clipboard();
    let details = site.run("6 * 7");
    browser.go(&site.url(&format!("/tasks/{}", details.task_id)));
    // As over plain HTTP from another machine.
    browser.run("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })");
    press(&browser, "output", ENTER);
    browser.run("delete navigator.clipboard");
    assert_eq!(browser.clipboard(), "42");
    let focused = browser.run("return document.activeElement.getAttribute('aria-label')");
    assert_eq!(focused, "Copy the output", "the focus stays where it was");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

fn copy(browser: &Browser, name: &str, key: &str, expected: &str) {
    press(browser, name, key);
    let copied = browser.clipboard();
    assert!(copied == expected, "{name}: {:?}", copied.chars().take(200).collect::<String>());
}

/// Presses a key on a button, which WebDriver does if it can have the focus, and waits until a screen reader is told.
fn press(browser: &Browser, name: &str, key: &str) {
    browser.type_into(&format!("button[aria-label='Copy the {name}']"), key);
    browser.wait_for_text("#said[role=status]", &format!("Copied the {name}."));
}
