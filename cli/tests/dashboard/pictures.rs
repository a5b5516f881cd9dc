use std::path::Path;

use crate::browser::{Browser, Looks};
use crate::site::Site;

/// What is wrong with the layout of a page, in words: empty if nothing is.
const WRONG: &str = "
    const wrong = [], root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) wrong.push('it is wider than the window');
    for (const table of document.querySelectorAll('main table')) {
        const heads = [...table.querySelectorAll('thead th')].filter(head => head.offsetParent);
        const cells = [...table.querySelector('tbody tr').children];
        heads.forEach((head, at) => {
            const [one, other] = [head.getBoundingClientRect(), cells[at].getBoundingClientRect()];
            if (Math.abs(one.left - other.left) + Math.abs(one.right - other.right) > 1)
                wrong.push(`the head ${head.textContent} is not above its column`);
        });
    }
    for (const link of document.querySelectorAll('nav [aria-current]')) {
        const [one, other] = [link.getBoundingClientRect(), link.parentElement.getBoundingClientRect()];
        if (one.left < other.left - 1 || one.right > other.right + 1) wrong.push(`${link.textContent} is clipped`);
    }
    const head = document.querySelector('#error > header.row > h2');
    const copy = document.querySelector('#error > header.row > button')?.getBoundingClientRect();
    if (copy && copy.top > head.getBoundingClientRect().bottom) wrong.push('Copy of the error is below its head');
    return wrong";

/// What is done on a page before its picture is taken.
type Step = fn(&Browser);

/// Pictures of every page in `target/screenshots/`, for a person to look at.
#[test]
fn pages_fit_wide_and_narrow_windows_in_light_and_dark() {
    let site = Site::start();
    let browser = site.browser();
    let failed = site.run("// Adds up.\nlet total = 0;\nfor n in 1..4 {\n    total += n;\n    print(`n is ${n}`);\n}\nlog(\"warn\", \"almost there\");\nthrow #{ code: 7, text: \"no stock of article 17\" }");
    let parent = site.run(
        "let all = [];\nfor n in 0..4 {\n    all.push(dispatch(\"main\", `sleep(0.1 * ${n}); ${n} * 2`));\n}\nall",
    );
    assert_eq!(parent.children.len(), 4, "{:?}", parent.error);
    for n in 0..12 {
        site.run(&format!("if {n} % 4 == 0 {{ throw \"order {n} has no address\" }} sleep({n} * 0.01); {n}"));
    }
    let running = site.submit(
        "for step in 0..600 { progress(step / 600.0, `step ${step}`); print(`step ${step}`); sleep(0.5); }",
    );
    futures::executor::block_on(site.dispatcher.new_play_request().worker_id("closed").script("1").submit())
        .expect("an id");
    let pages = [
        ("overview", "/".to_owned()),
        ("tasks", "/tasks".to_owned()),
        ("tasks-wrong-filter", "/tasks?q=statu:error".to_owned()),
        ("task-failed", format!("/tasks/{}", failed.task_id)),
        ("task-parent", format!("/tasks/{}", parent.task_id)),
        ("task-running", format!("/tasks/{running}")),
        ("errors", "/errors".to_owned()),
        ("queues", "/queues".to_owned()),
        ("handlers", "/handlers".to_owned()),
        ("handler", "/handlers/main/shop".to_owned()),
        ("method", "/methods/main/shop.price".to_owned()),
        ("playground", "/playground".to_owned()),
        ("audit", "/audit".to_owned()),
        ("not-found", "/nowhere".to_owned()),
        ("login", "/login".to_owned()),
    ];
    let done: [(&str, String, Step); 7] = [
        ("tasks-completion", "/tasks".to_owned(), |browser| {
            browser.type_into("#search", "s");
            browser.wait_for_text(".completion li", "status:");
        }),
        ("tasks-bulk", "/tasks?q=status:error".to_owned(), |browser| {
            browser.press("Run all again…");
            browser.wait_for_text("#bulk", "ended tasks match");
        }),
        ("task-confirm", format!("/tasks/{running}"), |browser| {
            browser.press("Cancel");
            browser.wait_for_text("#confirm[open]", "Cancel this task?");
        }),
        ("task-copied", format!("/tasks/{}", failed.task_id), |browser| {
            browser.click("button[aria-label='Copy the error']");
            browser.wait_for_text("#said", "Copied the error.");
        }),
        ("method-result", "/methods/main/shop.price".to_owned(), |browser| {
            browser.type_into("textarea[name=p0]", "coffee");
            browser.press("Call");
            browser.wait_for_text("#result #output", "600");
        }),
        ("playground-result", "/playground".to_owned(), |browser| {
            browser.press("Run");
            browser.wait_for_text("#result .log", "step 3");
        }),
        ("keys", "/".to_owned(), |browser| {
            browser.click("#help");
            browser.wait_for_text("#keys[open]", "Search tasks");
        }),
    ];
    browser.allow_clipboard();
    let visitor = Browser::start();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target").join("screenshots");
    let take = |browser: &Browser, name: &str, looks: &str| {
        browser.picture(&folder.join(format!("{name}-{looks}.png")));
        let wrong = browser.run(WRONG);
        assert_eq!(wrong.as_array().map(Vec::len), Some(0), "{name}, {looks}: {wrong}");
    };
    for (width, height, size) in [(1280, 900, "wide"), (390, 844, "narrow")] {
        for scheme in ["light", "dark"] {
            let looks = format!("{size}-{scheme}");
            for browser in [&browser, &visitor] {
                browser.look(Looks { width, height, scheme });
            }
            for (name, path) in &pages {
                browser.go(&site.url(path));
                browser.wait("document.readyState === 'complete'");
                if *name == "task-running" {
                    browser.wait_for_text(".log", "step");
                }
                take(&browser, name, &looks);
            }
            for (name, path, step) in &done {
                browser.go(&site.url(path));
                browser.wait("document.readyState === 'complete'");
                step(&browser);
                take(&browser, name, &looks);
            }
            visitor.go(&site.url("/login"));
            visitor.wait("document.readyState === 'complete'");
            take(&visitor, "login-visitor", &looks);
        }
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
    assert_eq!(visitor.complaints(), Vec::<String>::new());
}
