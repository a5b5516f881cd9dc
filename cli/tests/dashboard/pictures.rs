use std::path::Path;

use crate::browser::Looks;
use crate::site::Site;

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
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target").join("screenshots");
    for (width, height, size) in [(1280, 900, "wide"), (390, 844, "narrow")] {
        for scheme in ["light", "dark"] {
            browser.look(Looks { width, height, scheme });
            for (name, path) in &pages {
                browser.go(&site.url(path));
                browser.wait("document.readyState === 'complete'");
                if *name == "task-running" {
                    browser.wait_for_text(".log", "step");
                }
                browser.picture(&folder.join(format!("{name}-{size}-{scheme}.png")));
                let fits = browser.run(
                    "return document.documentElement.scrollWidth <= document.documentElement.clientWidth",
                );
                assert_eq!(fits, true, "{name} is wider than a {size} window");
            }
        }
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
