use serde_json::json;

use crate::browser::Browser;
use crate::proxy::Proxy;
use crate::site::Site;

const PATH: &str = "/ops/rhai/";

/// Every address on a page, as the browser follows it: links, files, forms, and what scripts ask for.
const ADDRESSES: &str = "
    const names = ['href', 'src', 'action', 'hx-get', 'hx-post', 'hx-sse:connect', 'data-copy-from'];
    return names.flatMap(name => [...document.querySelectorAll(`[${CSS.escape(name)}]`)].map(e => e.getAttribute(name)))
        .map(text => new URL(text, location).pathname)";

#[test]
fn pages_work_below_the_path_of_a_proxy() {
    let site = Site::start();
    let proxy = Proxy::start(site.address, PATH);
    let browser = Browser::start();
    // A link into the pages asks for a token where it leads, and the login is below the path too.
    browser.go(&proxy.url("tasks?q=status:error"));
    browser.type_into("input[name=token]", &site.token);
    browser.press("Log in");
    browser.wait(&format!("location.pathname === {}", json!(PATH)));
    browser.wait_for_text("nav a[aria-current]", "Overview");

    // The overview follows what happens.
    browser.wait_for_text(".tile", "Running");
    let running = site.submit("print(\"begun\"); while true { sleep(0.05); }");
    browser.wait(
        "[...document.querySelectorAll('.tile')].some(e => e.textContent.includes('Running') && /[1-9]/.test(e.textContent))",
    );

    // A task is watched, cancelled and run again.
    browser.go(&proxy.url(&format!("tasks/{running}")));
    browser.wait_for_text(".log", "begun");
    browser.wait_for_text("#state", "sleep");
    browser.press("Cancel");
    browser.press("Cancel it");
    browser.wait_for_text("h1 ~ .chip", "cancelled");
    browser.press("Run again");
    browser.wait(&format!(
        "location.pathname.startsWith('{PATH}tasks/') && !location.pathname.includes('{running}')"
    ));
    browser.wait_for_text("#state", "sleep");
    browser.press("Cancel");
    browser.press("Cancel it");
    browser.wait_for_text("h1 ~ .chip", "cancelled");

    // A script runs in the playground.
    browser.press("Playground");
    browser.wait("document.querySelector('.editor .tok-keyword') !== null");
    browser.click(".editor");
    browser.run(
        "document.execCommand('selectAll'); return document.execCommand('insertText', false, 'print(`one`); 6 * 7')",
    );
    browser.press("Run");
    browser.wait_for_text("#result #output", "42");

    // A program of the page calls a method over a WebSocket, with the session of the browser.
    browser.run(
        "const socket = new WebSocket(new URL('ws', location));
         socket.onopen = () => socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'shop.price', params: ['tea'] }));
         socket.onmessage = ({ data }) => { document.body.dataset.answer = data; }",
    );
    browser.wait("JSON.parse(document.body.dataset.answer).result === 300");

    for page in [
        "",
        "tasks?q=worker:main",
        &format!("tasks/{running}"),
        "errors",
        "queues",
        "handlers",
        "handlers/main/shop",
        "methods/main/shop.price",
        "playground",
        "audit",
        "login",
        "no/such/page",
    ] {
        browser.go(&proxy.url(page));
        browser.wait("document.readyState === 'complete'");
        let addresses = browser.run(ADDRESSES);
        let addresses = addresses.as_array().expect("a list");
        assert!(addresses.len() > 10, "{page}: {addresses:?}");
        for address in addresses {
            let address = address.as_str().expect("a text");
            assert!(address.starts_with(PATH), "{page} leads to {address}");
        }
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
    assert_eq!(proxy.take_strays(), Vec::new(), "the browser has asked for nothing outside of the path");

    // Other programs of the host are not sent the session.
    browser.go(&proxy.host_url());
    let strays = proxy.take_strays();
    assert!(strays.iter().any(|(line, _)| line.starts_with("GET / ")), "{strays:?}");
    assert!(strays.iter().all(|(_, cookie)| cookie.is_none()), "{strays:?}");

    browser.go(&proxy.url("queues"));
    browser.press("Log out");
    browser.wait(&format!("location.pathname === '{PATH}login'"));
    browser.wait("document.querySelector('input[name=token]') !== null");
}
