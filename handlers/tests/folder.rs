//! A folder of scripts as methods: what is called, what is told, and what is refused.

mod support;

use std::fs;
use std::path::Path;

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::FutureExt;
use rhai_dispatcher_core::TaskErrorKind;
use rhai_dispatcher_engine::EngineConfig;
use rhai_dispatcher_handlers::{
    FolderConfig, HandlerType, Handlers, HandlersInfo, MethodHandler, ScriptFolder,
};
use serde_json::json;
use support::Bench;
use tempfile::TempDir;

struct Site {
    directory: TempDir,
    config: FolderConfig,
}

impl Site {
    fn new(files: &[(&str, &str)]) -> Self {
        // What is missing is missing at once.
        let config = FolderConfig::new().with_removal_grace(std::time::Duration::ZERO);
        let site = Self { directory: tempfile::tempdir().expect("a folder"), config };
        for (name, text) in files {
            site.write(name, text);
        }
        site
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn open(&self) -> ScriptFolder {
        ScriptFolder::open(self.path(), self.config.clone(), &EngineConfig::new()).expect("a folder")
    }

    fn bench(&self) -> (Bench, ScriptFolder) {
        let folder = self.open();
        (Bench::new(Handlers::new([], Some(folder.clone())).expect("good")), folder)
    }
}

fn methods(info: &HandlersInfo) -> Vec<&str> {
    info.handlers.iter().flat_map(|handler| &handler.methods).map(|method| method.name.as_str()).collect()
}

/// Each problem as `file: message`.
fn problems(info: &HandlersInfo) -> Vec<String> {
    let file = |file: &Option<String>| file.clone().unwrap_or_default();
    info.problems.iter().map(|problem| format!("{}: {}", file(&problem.file), problem.message)).collect()
}

#[test]
fn public_functions_of_the_files_are_methods() {
    let site = Site::new(&[
        (
            "billing.rhai",
            "import \"_lib/money\" as money;\nconst FEE = 3;\nfn charge(cents) { money::gross(cents) + global::FEE }\nprivate fn hidden() { 1 }",
        ),
        ("shop/prices.rhai", "fn get(name) { `${name} costs ${caller_id}` } fn get() { [] }"),
        ("_lib/money.rhai", "fn gross(cents) { cents * 2 }"),
        (".hidden.rhai", "fn no() { }"),
        ("notes.txt", "not a script"),
    ]);
    let (bench, folder) = site.bench();
    assert_eq!(methods(&folder.describe()), ["billing.charge", "shop.prices.get"]);
    assert_eq!(bench.value("billing.charge", json!({"cents": 100})), "203");
    assert_eq!(bench.value("billing.charge", json!([100])), "203");
    assert_eq!(bench.value("shop.prices.get", json!(["tea"])), "\"tea costs caller-1\"");
    assert_eq!(bench.value("shop.prices.get", json!(null)), "[]");
    for hidden in ["billing.hidden", "_lib.money.gross", ".hidden.no"] {
        if let Ok(name) = rhai_dispatcher_core::MethodName::try_from(hidden) {
            assert_eq!(bench.error(name.as_str(), json!([1])).kind, TaskErrorKind::UnknownMethod, "{hidden}");
        }
    }
    let bad = bench.error("billing.charge", json!({"cent": 5}));
    assert_eq!(bad.kind, TaskErrorKind::BadParams);
    assert_eq!(bad.message, "the parameter `cent` is unknown; did you mean `cents`? (it is `charge(cents)`)");
    let near = bench.error("billing.chrage", json!([5]));
    assert!(near.message.ends_with("did you mean `billing.charge`?"), "{near}");
}

#[test]
fn handlers_are_described_by_their_comments() {
    let site =
        Site::new(&[("billing.rhai", "//! Payments.\n\n/// Charges a card.\nfn charge(cents, card) { }\n")]);
    let info = site.open().describe();
    let handler = &info.handlers[0];
    assert_eq!(
        (&*handler.name, &*handler.description, handler.typ),
        ("billing", "Payments.", HandlerType::Script)
    );
    assert_eq!(handler.file.as_deref(), Some("billing.rhai"));
    let method = serde_json::to_value(&handler.methods[0]).expect("JSON");
    let parameter = |name: &str| json!({"name": name, "required": true, "description": "", "schema": null});
    let expected = json!({
        "name": "billing.charge",
        "description": "Charges a card.",
        "forms": [{"parameters": [parameter("cents"), parameter("card")], "line": 4}],
        "schema": null,
    });
    assert_eq!(method, expected);
}

#[test]
fn a_file_with_an_error_keeps_its_last_good_version() {
    let site = Site::new(&[("a.rhai", "fn f() { 1 }"), ("never.rhai", "fn f( {")]);
    let (bench, folder) = site.bench();
    assert_eq!(bench.value("a.f", json!(null)), "1");
    site.write("a.rhai", "fn f() {\n  let = 2;\n}");
    folder.reload();
    assert_eq!(bench.value("a.f", json!(null)), "1");
    let info = folder.describe();
    let problem = &info.problems[0];
    assert_eq!((problem.file.as_deref(), &*problem.kind), (Some("a.rhai"), "parse"));
    assert_eq!((problem.line, problem.column, problem.serves_last_good), (Some(2), Some(7), true));
    let never = &info.problems[1];
    assert_eq!((never.file.as_deref(), never.serves_last_good), (Some("never.rhai"), false));
    let unknown = bench.error("never.f", json!(null));
    assert_eq!(unknown.kind, TaskErrorKind::UnknownMethod);
    assert!(unknown.message.contains("its file never.rhai has an error: "), "{unknown}");
    site.write("a.rhai", "fn f() { 3 }");
    site.write("never.rhai", "fn f() { 4 }");
    folder.reload();
    assert_eq!(
        (bench.value("a.f", json!(null)), bench.value("never.f", json!(null))),
        ("3".into(), "4".into())
    );
    assert!(folder.describe().problems.is_empty(), "{:?}", problems(&folder.describe()));
}

#[test]
fn a_call_that_runs_keeps_the_files_that_it_began_with() {
    let (opens, open) = oneshot::channel::<()>();
    let (begins, began) = oneshot::channel::<()>();
    let open = open.map(drop).boxed().shared();
    let begins = std::sync::Mutex::new(Some(begins));
    let engine = EngineConfig::new().with_async_fn("gate", move || {
        let _ = begins.lock().expect("no panic").take().map(|begins| begins.send(()));
        open.clone()
    });
    let file =
        |version: i64| format!("fn run() {{ gate(); import \"part\" as part; [{version}, part::VERSION] }}");
    let part = |version: i64| format!("export const VERSION = {version};");
    let site = Site::new(&[("a.rhai", &file(1)), ("part.rhai", &part(1))]);
    let folder = site.open();
    let bench = Bench::with(engine, Handlers::new([], Some(folder.clone())).expect("good"));
    let id = block_on(bench.request("a.run", json!(null)).submit()).expect("queued");
    block_on(began).expect("it runs");
    site.write("a.rhai", file(2));
    site.write("part.rhai", part(2));
    folder.reload();
    opens.send(()).expect("it waits");
    let details =
        block_on(bench.dispatcher.wait(id, std::time::Duration::from_secs(60))).expect("an outcome");
    assert_eq!(details.output.expect("an output").as_json().as_str(), "[1,1]");
    assert_eq!(bench.value("a.run", json!(null)), "[2,2]");
}

#[test]
fn files_that_are_no_handlers_are_named_with_the_reason() {
    let site = Site::new(&[
        ("good.rhai", "fn f() { }"),
        ("my file.rhai", "fn f() { }"),
        ("größe.rhai", "fn f() { }"),
        ("shop.prices.rhai", "fn a() { }"),
        ("shop/prices.rhai", "fn a() { }"),
    ]);
    site.write("long.rhai", "/".repeat(300 * 1024));
    site.write("latin.rhai", b"// \xe9");
    fs::create_dir(site.path().join("folder.rhai")).expect("a folder");
    let long_name = format!("fn {}() {{ }}", "f".repeat(130));
    site.write("name.rhai", long_name);
    let info = site.open().describe();
    assert_eq!(methods(&info), ["good.f", "shop.prices.a"]);
    let problems = problems(&info);
    let expected = [
        "größe.rhai: its name is not one of a handler",
        "latin.rhai: it is not UTF-8, from byte 3 on",
        "long.rhai: it has more than 262144 bytes, the limit for a script; raise max_script_bytes, or split it",
        "my file.rhai: its name is not one that scripts can import",
        "name.rhai: the function `ffff",
        "shop/prices.rhai: `shop.prices.…` are the methods of shop.prices.rhai too; rename one",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for start in expected {
        assert!(problems.iter().any(|problem| problem.starts_with(start)), "{start}: {problems:#?}");
    }
}

#[test]
fn a_folder_has_bounds() {
    let mut site = Site::new(&[
        ("a.rhai", "fn one() { } fn two() { }"),
        ("b.rhai", "fn one() { }"),
        ("c.rhai", "fn one() { }"),
    ]);
    site.config = site.config.clone().with_max_files(2).with_max_methods(2);
    let info = site.open().describe();
    assert_eq!(methods(&info), ["a.one", "a.two"]);
    let texts = problems(&info);
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("it has 3 scripts, and max_files is 2")), "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("more than 2 methods, which is max_methods")), "{texts:?}");
    site.config = FolderConfig::new().with_max_bytes(30);
    let info = site.open().describe();
    assert_eq!(methods(&info), ["a.one", "a.two"]);
    assert!(problems(&info)[0].contains("more than max_bytes, 30"), "{:?}", problems(&info));
}

#[test]
fn a_path_that_is_no_folder_is_refused_with_the_reason() {
    let site = Site::new(&[("a.rhai", "")]);
    let refused = |path: &Path| {
        let opened = ScriptFolder::open(path, FolderConfig::new(), &EngineConfig::new());
        opened.expect_err("it is not a folder").to_string()
    };
    let missing = refused(&site.path().join("missing"));
    assert!(
        missing.starts_with("handlers: the folder ") && missing.contains("does not exist; make it"),
        "{missing}"
    );
    let file = refused(&site.path().join("a.rhai"));
    assert!(file.starts_with("handlers: ") && file.contains("is not a folder"), "{file}");
}

#[cfg(unix)]
#[test]
fn a_link_leads_to_files_of_the_folder_only() {
    let outside = Site::new(&[("secret.rhai", "fn f() { }"), ("sub/x.rhai", "fn f() { }")]);
    let site = Site::new(&[("..data/real.rhai", "fn f() { 1 }")]);
    let link =
        |from: &Path, to: &str| std::os::unix::fs::symlink(from, site.path().join(to)).expect("a link");
    link(&outside.path().join("secret.rhai"), "stolen.rhai");
    link(&outside.path().join("sub"), "sub");
    link(&site.path().join("..data/real.rhai"), "real.rhai");
    link(site.path(), "circle");
    link(Path::new("nowhere.rhai"), "nowhere.rhai");
    let info = site.open().describe();
    let names = methods(&info);
    assert!(
        names.contains(&"real.f")
            && !names.iter().any(|name| name.contains("stolen") || name.starts_with("sub.")),
        "{names:?}"
    );
    assert!(
        problems(&info).iter().any(|text| text == "stolen.rhai: it is a link that leads out of the folder")
    );
}

#[test]
fn a_handler_hides_a_file_of_its_name() {
    let site = Site::new(&[("math.rhai", "fn add() { 1 } fn other() { 2 }")]);
    let math = MethodHandler::new("math").with_method("add", || async { Ok::<_, String>("native") });
    let handlers = Handlers::new([math], Some(site.open())).expect("good");
    let info = handlers.describe();
    assert_eq!(methods(&info), ["math.add"]);
    assert_eq!(problems(&info), ["math.rhai: the worker has a handler `math` of its own; rename the file"]);
    let bench = Bench::new(handlers);
    assert_eq!(bench.value("math.add", json!(null)), "\"native\"");
    assert_eq!(bench.error("math.other", json!(null)).kind, TaskErrorKind::UnknownMethod);
}

#[test]
fn a_folder_that_goes_away_keeps_its_methods_until_it_is_back() {
    let site = Site::new(&[("api/a.rhai", "fn f() { 1 }")]);
    let path = site.path().join("api");
    let folder = ScriptFolder::open(&path, site.config.clone(), &EngineConfig::new()).expect("a folder");
    let bench = Bench::new(Handlers::new([], Some(folder.clone())).expect("good"));
    fs::remove_dir_all(&path).expect("it goes");
    folder.reload();
    assert_eq!(bench.value("a.f", json!(null)), "1");
    assert!(problems(&folder.describe())[0].contains("can't be read"), "{:?}", problems(&folder.describe()));
    site.write("api/a.rhai", "fn f() { 2 }");
    folder.reload();
    assert_eq!(bench.value("a.f", json!(null)), "2");
    assert_eq!(folder.describe().problems, []);
}
