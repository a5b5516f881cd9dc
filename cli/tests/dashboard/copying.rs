use futures::executor::block_on;

use crate::browser::Browser;
use crate::site::Site;

/// The keys Enter and Space, as WebDriver names them.
const ENTER: &str = "\u{e007}";
const SPACE: &str = " ";

#[test]
fn whole_texts_of_a_task_are_copied_by_keys_and_it_is_said() {
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
    // The page shows a part of these, or signs in place of characters.
    copy(&browser, "script", SPACE, script);
    copy(&browser, "arguments", ENTER, details.args.as_str());
    copy(&browser, "output", SPACE, details.output.as_ref().expect("an output").as_json().as_str());
    copy(&browser, "log", ENTER, "one\ntwo\0\n");

    let failed = site.run("throw \"no stock\\nof <b>tea</b>\"");
    browser.go(&site.url(&format!("/tasks/{}", failed.task_id)));
    copy(&browser, "error", ENTER, &failed.error.as_ref().expect("an error").message);
    copy(&browser, "thrown value", ENTER, "no stock\nof <b>tea</b>");
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
