use crate::site::Site;

#[test]
fn what_is_wrong_is_told_on_a_page() {
    let site = Site::start();
    let browser = site.browser();
    for (path, says) in [
        ("/tasks/00000000-0000-4000-8000-000000000000", "This task is not known"),
        ("/tasks/nonsense", "The list of tasks has the ids"),
        ("/handlers/main/nothing", "No living worker of main has a handler nothing"),
        ("/methods/main/shop.nothing", "has a method shop.nothing"),
        ("/nowhere", "There is nothing at this path"),
        ("/errors?since=yesterday", "This does not work"),
        ("/tasks?after=nonsense", "is not a place in the activity"),
    ] {
        browser.go(&site.url(path));
        assert!(browser.text().contains(says), "{path}: {}", browser.text());
    }
}

#[test]
fn wrong_token_and_rights_are_told() {
    let site = Site::start();
    let browser = crate::browser::Browser::start();
    browser.go(&site.url("/tasks"));
    browser.type_into("input[name=token]", "rhaid_wrong");
    browser.press("Log in");
    browser.wait_for_text("main", "The token is not valid: it is unknown, expired or revoked.");
    browser.type_into("input[name=token]", &site.reading_token);
    browser.press("Log in");
    browser.wait_for_text("header .caller", "bob");
    let pages =
        browser.run("return [...document.querySelectorAll('header nav a')].map(e => e.textContent).join()");
    assert_eq!(pages, "Overview,Tasks,Errors,Queues,Handlers");
    browser.go(&site.url("/playground"));
    assert!(browser.text().contains("Not allowed"), "{}", browser.text());
    // Of the tasks of others it learns nothing.
    let id = site.run("1").task_id;
    browser.go(&site.url(&format!("/tasks/{id}")));
    assert!(browser.text().contains("This task is not known"), "{}", browser.text());
}

#[test]
fn revoked_token_ends_its_session_on_the_page() {
    let site = Site::start();
    let browser = site.browser();
    browser.press("Queues");
    browser.wait_for_text("table", "main");
    site.revoke("ann");
    browser.wait("document.querySelector('input[name=token]') !== null");
}

#[test]
fn redis_away_is_told_and_forgotten_when_it_is_back() {
    let mut site = Site::start();
    let browser = site.browser();
    browser.wait_for_text("table", "main");
    site.redis.kill();
    browser.wait_for_text("main", "Tasks that were accepted are kept");
    site.redis.restart();
    browser.wait_for_text("main table", "main");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn gateway_that_is_gone_is_told() {
    let mut site = Site::start();
    let browser = site.browser();
    browser.wait_for_text("table", "main");
    site.stop();
    browser.wait("!document.getElementById('link-state').hidden");
}
