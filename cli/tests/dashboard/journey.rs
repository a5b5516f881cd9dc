use crate::site::Site;

/// A script that runs until it is cancelled, and says so.
const ENDLESS: &str = "print(\"begun\"); let turns = 0; while true { turns += 1; sleep(0.05); }";

#[test]
fn method_is_found_and_called_from_its_form() {
    let site = Site::start();
    let browser = site.browser();
    browser.press("Handlers");
    browser.press("shop");
    browser.wait_for_text("main", "What the shop sells.");
    browser.press("shop.price");
    browser.wait_for_text("main", "The price of an article, in cents.");
    browser.type_into("textarea[name=p0]", "coffee");
    browser.press("Call");
    browser.wait_for_text("#result #output", "600");
    browser.wait_for_text("#result .chip", "completed");
    // The list has it, and its page too.
    browser.go(&site.url("/tasks?q=method:shop.price"));
    browser.wait_for_text("table.rows a", "shop.price");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn script_runs_in_the_playground_and_is_watched() {
    let site = Site::start();
    let browser = site.browser();
    browser.press("Playground");
    browser.wait("document.querySelector('.editor .tok-keyword') !== null");
    let script = "print('one'); progress(0.5, 'half'); sleep(1.0); print('two'); 6 * 7".replace('\'', "\"");
    browser.click(".editor");
    browser.run(&format!(
        "document.execCommand('selectAll'); return document.execCommand('insertText', false, {})",
        serde_json::json!(script)
    ));
    browser.press("Run");
    // While it runs: the line that it has printed, its progress, and where it is.
    browser.wait_for_text("#result .log", "one");
    browser.wait_for_text("#result", "half");
    browser.wait_for_text("#result #state", "sleep");
    browser.wait_for_text("#result .log", "two");
    browser.wait_for_text("#result #output", "42");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn running_task_is_cancelled_from_its_page() {
    let site = Site::start();
    let browser = site.browser();
    let id = site.submit(ENDLESS);
    browser.go(&site.url(&format!("/tasks/{id}")));
    browser.wait_for_text(".log", "begun");
    browser.wait_for_text("#state", "waits in sleep");
    browser.press("Cancel");
    browser.press("Cancel it");
    browser.wait_for_text("#notices", "The cancel was sent");
    browser.wait_for_text("h1 ~ .chip", "cancelled");
    browser.wait_for_text(".timeline", "it was asked for");
    // An ended task can be run again: the new one has a page of its own.
    browser.press("Run again");
    browser.wait(&format!("location.pathname.startsWith('/tasks/') && !location.pathname.includes('{id}')"));
    browser.wait_for_text("#state", "sleep");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn error_marks_its_line_and_is_found_by_search() {
    let site = Site::start();
    let browser = site.browser();
    let details = site.run("let a = 1;\nlet b = a +\n  missing;\nb");
    let id = details.task_id;
    assert_eq!(details.error.as_ref().and_then(|error| error.line), Some(3));
    site.run("40 + 2");
    browser.go(&site.url("/"));
    browser.wait("document.readyState === 'complete' && typeof htmx !== 'undefined'");
    browser.type_into("body", "gt");
    browser.wait("location.pathname === '/tasks'");
    browser.type_into("#search", "status:err");
    browser.wait_for_text(".completion li", "status:error");
    browser.type_into("#search", "\u{e004}");
    browser.type_into("#search", "missing\u{e007}");
    browser.wait("location.search.includes('missing')");
    browser.wait(&format!("document.querySelectorAll('table.rows tbody tr').length === 1 && document.querySelector('table.rows a').href.endsWith('{id}')"));
    browser.click("table.rows a");
    browser.wait_for_text(".source .n.hit", "3");
    browser.wait_for_text(".source mark", "missing;");
    browser.press("Edit and run");
    browser.wait_for_text(".editor", "missing");
    // A filter that can't be read says where it is wrong.
    browser.go(&site.url("/tasks?q=statu:error"));
    browser.wait_for_text("main", "did you mean");
    browser.wait_for_text("pre.mark", "^^^^^");
    // The group of the error leads to it.
    browser.go(&site.url("/errors"));
    browser.wait_for_text(".group", "missing");
    browser.press("All of them");
    browser.wait_for_text("table.rows", "missing");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn tasks_are_cancelled_and_run_again_in_bulk() {
    let site = Site::start();
    let browser = site.browser();
    for _ in 0..3 {
        site.run("throw \"no stock\"");
        futures::executor::block_on(
            site.dispatcher.new_play_request().worker_id("closed").script("1").submit(),
        )
        .expect("an id");
    }
    browser.go(&site.url("/"));
    browser.wait_for_text(".banner", "No worker serves closed: 3 tasks wait, the oldest was accepted");
    browser.go(&site.url("/tasks?q=worker:closed"));
    browser.wait("document.querySelectorAll('table.rows tbody tr').length === 3");
    browser.press("Cancel all that match…");
    browser.wait_for_text("#bulk", "3 unfinished tasks match");
    browser.press("Cancel 3");
    browser.wait_for_text("#notices", "3 tasks cancelled.");
    browser.wait("document.querySelectorAll('.chip.cancelled').length === 3");
    browser.go(&site.url("/tasks?q=status:error"));
    browser.press("Run all again…");
    browser.wait_for_text("#bulk", "3 ended tasks match");
    browser.press("Run 3 again");
    browser.wait_for_text("#notices", "3 tasks run again.");
    browser.wait("document.querySelectorAll('.chip.error').length === 6");
    browser.press("Audit");
    browser.wait_for_text("table.rows", "task.cancel_all");
    browser.wait_for_text("table.rows", "task.run_all_again");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn queue_is_paused_and_resumed() {
    let site = Site::start();
    let browser = site.browser();
    browser.press("Queues");
    browser.press("Pause");
    browser.wait_for_text("#confirm", "Pause the queue main?");
    browser.click("#confirm-yes");
    browser.wait_for_text(".chip", "paused");
    site.submit("1");
    browser.press("Overview");
    browser.wait_for_text(".banner", "The queue main is paused: 1 task waits");
    browser.press("Resume");
    browser.wait_for_text(".chip", "served");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
