use serde_json::json;

use crate::browser::Browser;
use crate::site::Site;

/// Texts that a page could take for more than texts. `hit` is set by each that runs.
const HOSTILE: [&str; 6] = [
    "<script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    "\"><svg onload=window.hit=1>",
    "'}); window.hit = 1; //",
    "</textarea></pre></title><h1>broken</h1>",
    "{{ 7 * 7 }} ${7*7} &lt;b&gt;",
];

#[test]
fn hostile_texts_are_shown_as_texts() {
    let site = Site::start();
    let browser = site.browser();
    let all = HOSTILE.join("\n");
    let thrown = format!("let text = {};\nprint(text);\nlog(\"warn\", text);\nthrow text", json!(all));
    let request = site.dispatcher.new_play_request().worker_id("main").script(thrown);
    let request = request.script_name(HOSTILE[1]).context_id(HOSTILE[0]).arg("text", &all);
    let failed = futures::executor::block_on(request.into_future()).expect("its end");
    let returned = site.run(&format!("{}", json!(all)));
    for path in [
        format!("/tasks/{}", failed.task_id),
        format!("/tasks/{}", returned.task_id),
        format!("/playground?task={}", failed.task_id),
    ] {
        browser.go(&site.url(&path));
        for text in HOSTILE {
            expect_text(&browser, &path, text);
        }
    }
    for path in ["/tasks", "/errors", &format!("/tasks?q={}", "%22%3E%3Csvg%20onload%3Dwindow.hit%3D1%3E")] {
        browser.go(&site.url(path));
        expect_text(&browser, path, "<");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn control_characters_and_directions_are_shown() {
    let site = Site::start();
    let browser = site.browser();
    let details =
        site.run("print(\"a\\u0000b\\u001b[2Jc\\u202egnp.exe\\u200b שלום\"); throw \"\\u202eright\"");
    browser.go(&site.url(&format!("/tasks/{}", details.task_id)));
    browser.wait_for_text(".log", "a␀b␛[2Jc[U+202E]gnp.exe[U+200B] שלום");
    browser.wait_for_text("#error", "[U+202E]right");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn long_texts_are_cut_with_a_way_to_all_of_them() {
    let site = Site::start();
    let browser = site.browser();
    let details =
        site.run("let text = \"0123456789abcdef\"; while text.len() < 200_000 { text += text; } text");
    let id = details.task_id;
    let page = site.get(&format!("/tasks/{id}"));
    assert!(page.status == 200 && page.body.len() < 200 * 1024, "{} bytes", page.body.len());
    browser.go(&site.url(&format!("/tasks/{id}")));
    browser.wait_for_text("main", "All 262146 bytes");
    let raw = site.get(&format!("/tasks/{id}/output"));
    assert!(raw.head.contains("text/plain"), "{}", raw.head);
    assert_eq!(raw.body.len(), 262_146);
}

fn expect_text(browser: &Browser, path: &str, text: &str) {
    browser.wait("document.readyState === 'complete'");
    let shown = "document.body.innerText + [...document.querySelectorAll('input, textarea')].map(e => e.value).join()";
    let text = json!(text);
    let has = browser.run(&format!("return ({shown}).includes({text})"));
    assert_eq!(has, true, "{path} shows {text}\n{}", browser.text());
    assert_eq!(browser.run("return window.hit === undefined"), true, "{path} has run {text}");
    assert_eq!(
        browser.run("return document.querySelectorAll('h1').length <= 1"),
        true,
        "{path} is broken by {text}"
    );
}
