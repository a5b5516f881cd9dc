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

/// The most that a page may have, in bytes.
const MAX_PAGE_BYTES: usize = 200 * 1024;

#[test]
fn texts_of_a_megabyte_are_cut_with_a_way_to_all_of_them() {
    let site = Site::start();
    let browser = site.browser();
    // What a page writes as several characters, and what it shows as signs.
    let pattern = HOSTILE.join("\u{202e}\0\u{7f}שלום漢字");
    let encoded = serde_json::to_string(&pattern).expect("JSON").len();
    let text = pattern.repeat(((1 << 20) - 64) / encoded);
    let comment = format!("// {}\n", pattern.replace('\n', " "));
    let lines = comment.repeat(100 * 1024 / comment.len());
    let script = |last: &str| {
        format!(
            "{lines}/* {} */ let t = args.t; for n in 0..3 {{ print(t.sub_string(0, 5_000)); log(\"warn\", t.sub_string(0, 3_000)); }} {last}\n{lines}",
            "<".repeat(20_000)
        )
    };
    let end = |last: &str, args: serde_json::Value| {
        let request = site.dispatcher.new_play_request().worker_id("main").script(script(last)).args(args);
        let request = request
            .script_name("<".repeat(256))
            .context_id("\"".repeat(256))
            .request_id(format!("{last:<>256}"));
        futures::executor::block_on(request.into_future()).expect("its end")
    };
    let args = json!({ "t": text });
    let returned = end("t", args.clone());
    assert_eq!(returned.error, None);
    let failed = end("throw t", args);
    assert!(failed.error.as_ref().is_some_and(|error| error.value.is_some()), "{:?}", failed.error);
    for (details, parts) in
        [(&returned, &["script", "args", "output", "log"][..]), (&failed, &["error", "thrown"])]
    {
        let path = format!("/tasks/{}", details.task_id);
        let page = site.get(&path);
        assert!(page.status == 200 && page.body.len() < MAX_PAGE_BYTES, "{} bytes", page.body.len());
        browser.go(&site.url(&path));
        expect_whole_page(&browser, &path);
        for part in parts {
            let raw = site.get(&format!("{path}/{part}"));
            let is_text = raw.head.contains("text/plain; charset=utf-8") && raw.head.contains("nosniff");
            assert!(raw.status == 200 && is_text, "{part}: {}", raw.head);
            // A worker keeps neither a log nor the text of an error that is longer than its bounds.
            if !["log", "error"].contains(part) {
                browser.wait_for_text(&format!("a[href$='/{part}']"), "All ");
            }
            // Chromium takes seconds to lay out a megabyte of mixed directions.
            if ["script", "error"].contains(part) {
                browser.go(&site.url(&format!("{path}/{part}")));
                assert_eq!(
                    browser.run("return window.hit === undefined && document.images.length === 0"),
                    true,
                    "{part}"
                );
                browser.go(&site.url(&path));
            }
        }
    }
    let output = returned.output.as_ref().expect("an output").as_json().as_str();
    assert!(output.len() > (1 << 20) * 9 / 10, "{} bytes", output.len());
    assert!(site.get(&format!("/tasks/{}/output", returned.task_id)).body == output);
    assert!(site.get(&format!("/tasks/{}/script", returned.task_id)).body == *returned.script);
    // The line of the error is there, in the middle of it, and marked.
    browser.wait_for_text(".source .hit mark", "throw t");
    let too_long = site.get(&format!("/playground?task={}", returned.task_id));
    assert!(
        too_long.status == 400 && too_long.body.contains("too long to be edited here"),
        "{}",
        too_long.body
    );
    for path in ["/tasks", "/errors", "/", "/tasks?q=error:script", "/audit"] {
        let page = site.get(path);
        assert!(page.status == 200 && page.body.len() < MAX_PAGE_BYTES, "{path}: {} bytes", page.body.len());
        browser.go(&site.url(path));
        expect_whole_page(&browser, path);
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn long_lines_of_a_running_task_are_cut() {
    let site = Site::start();
    let browser = site.browser();
    let id = site.submit("let t = \"<i>\"; while t.len() < 10_000 { t += t; } print(t); print(\"short\"); while true { sleep(0.05); }");
    browser.go(&site.url(&format!("/tasks/{id}")));
    browser.wait_for_text("main", "Long lines are cut.");
    browser.wait_for_text(".log", "short");
    assert_eq!(browser.run("return document.querySelector('.log').textContent.length < 5000"), true);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn task_whose_first_line_its_log_has_no_room_for_is_not_said_to_print_nothing() {
    let site = Site::start();
    let browser = site.browser();
    let long = "let t = \"<i>\"; while t.len() < 100_000 { t += t; } print(t); print(\"short\");";
    let id = site.submit(&format!("{long} while true {{ sleep(0.05); }}"));
    browser.go(&site.url(&format!("/tasks/{id}")));
    browser.wait_for_text("#state", "waits in sleep");
    browser.wait_for_text(".empty-line", "but for those that its log has no room for");
    browser.press("Cancel");
    browser.press("Cancel it");
    browser.wait_for_text(".empty-line", "its first line is longer than its log may be");

    let silent = site.run("7");
    browser.go(&site.url(&format!("/tasks/{}", silent.task_id)));
    browser.wait_for_text(".empty-line", "It printed nothing.");
    let full = site.run(&format!("print(\"first\"); {long}"));
    browser.go(&site.url(&format!("/tasks/{}", full.task_id)));
    browser.wait_for_text(".log", "first");
    browser.wait_for_text(".hint", "The log ends before the task did");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Nothing of a text has run or has become an element, and the page is there to its end.
fn expect_whole_page(browser: &Browser, path: &str) {
    browser.wait("document.readyState === 'complete'");
    let broken = browser.run(
        "return window.hit !== undefined || document.images.length > 0 || document.querySelectorAll('h1').length !== 1
            || !document.querySelector('footer + dialog#keys')
            || document.documentElement.scrollWidth > document.documentElement.clientWidth",
    );
    assert_eq!(broken, false, "{path} is broken\n{}", browser.text());
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
