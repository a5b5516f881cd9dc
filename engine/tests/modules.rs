//! What scripts import: the modules of one folder, and nothing beside it.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::alloc::System;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;
use std::{env, fs, process};

use rhai_dispatcher_core::{CancelReason, Clock, Ran, Stop, TaskErrorKind};
use rhai_dispatcher_engine::{EngineConfig, ScriptAllocator, ScriptChecker};
use support::Bench;

#[global_allocator]
static ALLOCATOR: ScriptAllocator<System> = ScriptAllocator::new(System);

/// A folder with a folder of modules in it, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("rhai-modules-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = Self(env::temp_dir().join(name));
        fs::create_dir_all(folder.modules().join("shop")).unwrap();
        fs::write(folder.0.join("outside.rhai"), "export const SECRET = 42;").unwrap();
        folder
    }

    fn modules(&self) -> PathBuf {
        self.0.join("modules")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.modules().join(name), text).unwrap();
    }

    fn config(&self) -> EngineConfig {
        EngineConfig::new().with_modules_folder(self.modules())
    }

    fn bench(&self) -> Bench {
        Bench::with(self.config())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn scripts_import_functions_and_constants_of_modules() {
    let folder = Folder::new();
    folder.write("shop/prices.rhai", "export const TAX = 20; fn gross(net) { net + net * 20 / 100 }");
    folder.write(
        "shop.rhai",
        "import \"shop/prices\" as p; fn total(nets) { let t = 0; for n in nets { t += p::gross(n); } t }",
    );
    let bench = folder.bench();
    assert_eq!(bench.value("import \"shop/prices\" as p; p::gross(100) + p::TAX"), "140");
    assert_eq!(bench.value("import \"shop\" as s; s::total([100, 200])"), "360");
    assert_eq!(bench.value("import \"shop/prices.rhai\" as p; p::TAX"), "20");
    assert_eq!(bench.value("fn f() { import \"shop/prices\" as p; p::gross(10) } f() + f()"), "24");
    assert_eq!(bench.handler.memory_accounts(), 0);
}

#[test]
fn constants_of_a_module_are_global_wherever_it_is_imported() {
    let folder = Folder::new();
    folder.write("prices.rhai", "const TAX = 20; fn gross(net) { net + net * global::TAX / 100 }");
    let bench = folder.bench();
    for script in [
        "const TAX = 0; import \"prices\" as p; fn f() { [p::gross(100), global::TAX] } f()",
        "const TAX = 0; fn f() { import \"prices\" as p; [p::gross(100), global::TAX] } f()",
        "const TAX = 0; fn f() { global::TAX } if true { import \"prices\" as p; [p::gross(100), f()] }",
    ] {
        assert_eq!(bench.value(script), "[120,0]", "{script}");
    }
}

#[test]
fn a_module_may_begin_with_a_byte_order_mark_and_a_shebang() {
    let folder = Folder::new();
    let twice = "fn twice(x) { x * 2 }";
    for text in [format!("\u{feff}{twice}"), format!("#!rhaid\n{twice}"), format!("\u{feff}#!rhaid\n{twice}")]
    {
        folder.write("marked.rhai", &text);
        assert_eq!(folder.bench().value("import \"marked\" as m; m::twice(21)"), "42", "{text:?}");
    }
}

#[test]
fn nothing_of_one_task_gets_to_another_by_a_module() {
    let folder = Folder::new();
    folder.write("who.rhai", "export const TASK = task_id; export let list = [];");
    let bench = folder.bench();
    let script = "import \"who\" as w; if w::TASK != task_id { throw w::TASK } w::list.len()";
    assert_eq!(bench.value(script), "0");
    assert_eq!(bench.value(script), "0");
    assert_eq!(bench.handler.memory_accounts(), 0);
}

#[test]
fn a_module_that_changes_is_seen_at_the_next_import() {
    let folder = Folder::new();
    let bench = folder.bench();
    for version in ["1", "2", "1"] {
        folder.write("v.rhai", &format!("export const V = {version};"));
        assert_eq!(bench.value("import \"v\" as v; v::V"), version);
    }
}

#[test]
fn no_name_leads_out_of_the_folder() {
    let folder = Folder::new();
    let absolute = folder.0.join("outside").display().to_string();
    let bench = folder.bench();
    for name in [
        "../outside",
        "shop/../../outside",
        "shop/../shop/prices",
        "./outside",
        "/etc/passwd",
        "//outside",
        "shop//prices",
        "shop/",
        "",
        ".",
        "..",
        ".rhai",
        "shop/.hidden",
        "~/outside",
        "C:outside",
        "C:/outside",
        "..\\\\outside",
        "\\\\\\\\host\\\\share",
        "outside\\x00",
        "file:///etc/passwd",
        "%2e%2e/outside",
        &absolute,
        &"x".repeat(300),
        &"shop/".repeat(100),
    ] {
        let error = bench.error(&format!("import \"{name}\" as m; m::SECRET"));
        assert_eq!(error.kind, TaskErrorKind::Runtime, "{name}: {error}");
        assert!(error.message.contains("is not the name of a module"), "{name}: {error}");
        assert_eq!(error.line, Some(1), "{name}: {error}");
    }
    // A name made while the script runs is judged as well, and a wrong type is none.
    assert!(bench.error("let up = `..`; import up + `/outside` as m;").message.contains("not the name"));
    assert_eq!(bench.kind("import 42 as m;"), TaskErrorKind::Runtime);
}

#[cfg(unix)]
#[test]
fn no_link_leads_out_of_the_folder() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new();
    folder.write("inside.rhai", "export const ONE = 1;");
    symlink(folder.0.join("outside.rhai"), folder.modules().join("file.rhai")).unwrap();
    symlink(&folder.0, folder.modules().join("up")).unwrap();
    symlink(Path::new("inside.rhai"), folder.modules().join("alias.rhai")).unwrap();
    symlink(Path::new("loop.rhai"), folder.modules().join("loop.rhai")).unwrap();
    fs::create_dir(folder.modules().join("folder.rhai")).unwrap();
    fs::write(folder.modules().join("bytes.rhai"), [0xff, 0xfe]).unwrap();
    let bench = folder.bench();
    for (name, problem) in [
        ("file", "leads out of the folder"),
        ("up/outside", "leads out of the folder"),
        ("loop", "can't be read"),
        ("folder", "it is not a file"),
        ("bytes", "it is not UTF-8, from byte 0 on"),
        ("missing", "the module `missing` does not exist"),
        ("inside.rhai/x", "does not exist"),
    ] {
        let error = bench.error(&format!("import \"{name}\" as m; m::SECRET"));
        assert!(error.message.contains(problem), "{name}: {error}");
        assert!(!error.message.contains(&*folder.0.to_string_lossy()), "{name}: {error}");
    }
    assert_eq!(bench.value("import \"alias\" as m; m::ONE"), "1");

    // The folder itself may be a link.
    symlink(folder.modules(), folder.0.join("current")).unwrap();
    let bench = Bench::with(EngineConfig::new().with_modules_folder(folder.0.join("current")));
    assert_eq!(bench.value("import \"inside\" as m; m::ONE"), "1");
}

#[test]
fn without_a_folder_import_says_how_to_allow_it() {
    let bench = Bench::new();
    let error = bench.error("import \"Cargo\" as c; 1");
    assert_eq!(error.kind, TaskErrorKind::Runtime);
    assert!(error.message.contains("--import DIR"), "{error}");
    assert!(error.message.contains("with_modules_folder"), "{error}");
    assert_eq!(bench.value("let n = 1; try { import \"Cargo\" as c; c::f() } catch { n = 2 } n"), "2");
    let gone = Bench::with(EngineConfig::new().with_modules_folder("no/such/folder"));
    assert!(gone.error("import \"Cargo\" as c; 1").message.contains("module `Cargo` does not exist"));
    assert!(ScriptChecker::new(EngineConfig::new()).check_source("import \"x\" as x; 1").is_ok());
}

#[test]
fn modules_that_import_each_other_in_a_circle_end_in_an_error() {
    let folder = Folder::new();
    folder.write("self.rhai", "import \"self\" as s;");
    folder.write("a.rhai", "import \"b\" as b;");
    folder.write("b.rhai", "import \"shop/c\" as c;");
    folder.write("shop/c.rhai", "import \"a.rhai\" as a;");
    folder.write("late.rhai", "fn f(n) { import \"late\" as l; l::f(n + 1) }");
    let bench = folder.bench();
    assert!(bench.error("import \"self\" as s;").message.contains("in a circle: self, self"));
    let error = bench.error("\nimport \"a\" as a;");
    assert!(error.message.contains("in a circle: a, b, shop/c, a"), "{error}");
    assert_eq!(error.line, Some(2));
    assert_eq!(bench.kind("import \"late\" as l; l::f(0)"), TaskErrorKind::Limit);
    assert_eq!(
        bench.value("let n = 0; for i in 0..2 { try { import \"a\" as a; a::f() } catch { n += 1 } } n"),
        "2"
    );
}

#[test]
fn modules_have_the_limits_of_scripts() {
    let folder = Folder::new();
    folder.write("long.rhai", &format!("//{}", "ä".repeat(500)));
    folder.write("endless.rhai", "loop {}");
    folder.write("small.rhai", "export const ONE = 1;");
    folder.write("deep.rhai", &"(".repeat(300));
    for width in 0..6 {
        let next = format!("import \"w{}\" as a; import \"w{}\" as b;", width + 1, width + 1);
        folder.write(&format!("w{width}.rhai"), &next);
    }
    folder.write("w6.rhai", "");
    let config = folder.config().with_max_script_bytes(500).with_max_operations(10_000).with_max_modules(50);
    let bench = Bench::with(config);
    for (script, limit) in [
        ("import \"long\" as l;", "500"),
        ("try { import \"long\" as l; l::f() } catch { throw 1 }", "500"),
        ("import \"endless\" as e;", "10000"),
        ("try { import \"endless\" as e; e::f() } catch { 1 }", "10000"),
        ("import \"deep\" as d;", "64"),
        ("let n = 0; loop { import \"small\" as s; n += s::ONE; }", "50"),
        ("fn f() { import \"small\" as s; s::ONE } loop { f() }", "50"),
        ("import \"w0\" as w;", "50"),
    ] {
        let error = bench.error(script);
        assert_eq!(error.kind, TaskErrorKind::Limit, "{script}: {error}");
        assert!(error.message.contains(limit), "{script}: {error}");
        drop(error);
        assert_eq!(bench.handler.memory_accounts(), 0, "{script}");
    }
}

#[test]
fn what_a_module_holds_is_the_scripts() {
    let folder = Folder::new();
    folder.write("big.rhai", "let t = `x`; for i in 0..18 { t += t; } export t;");
    let bench = Bench::with(folder.config().with_max_memory(1024 * 1024));
    let error = bench.error(
        "import \"big\" as a; import \"big\" as b; import \"big\" as c; import \"big\" as d; sleep(0)",
    );
    assert!(error.message.contains("1048576"), "{error}");
    drop(error);
    assert_eq!(bench.handler.memory_accounts(), 0);
}

#[test]
fn an_error_in_a_module_is_where_the_script_used_it_and_names_the_module() {
    let folder = Folder::new();
    folder.write("bad.rhai", "\n\nlet x = ;");
    folder.write("throws.rhai", "\nthrow `no`;");
    folder.write("later.rhai", "fn f() {\n  throw `late`;\n}");
    let bench = folder.bench();
    let error = bench.error("let a = 1;\nimport \"bad\" as b;");
    assert_eq!((error.kind, error.line), (TaskErrorKind::Parse, Some(2)), "{error}");
    assert!(error.message.contains("(in module `bad`, line 3)"), "{error}");
    let error = bench.error("let a = 1;\nimport \"throws\" as t;");
    assert_eq!((error.message.as_str(), error.line), ("no (in module `throws`, line 2)", Some(2)));
    let error = bench.error("import \"later\" as l;\n\nl::f()");
    assert_eq!(error.message, "late (in function `f`) (in module `later`, line 2)");
    assert_eq!(error.line, Some(3));
}

#[test]
fn a_module_may_wait_and_is_stopped_with_its_script() {
    let folder = Folder::new();
    folder.write("waits.rhai", "sleep(5); export const DONE = true;");
    let bench = folder.bench();
    assert_eq!(bench.play_value("import \"waits\" as w; w::DONE"), "true");
    let mut run = bench.start("try { import \"waits\" as w; throw w::DONE } catch { 1 }");
    while bench.clock.next_due().is_none_or(|due| due - bench.clock.now() > Duration::from_secs(5)) {
        assert!(run.poll().is_pending());
    }
    run.stop.stop(Stop::Cancelled(CancelReason::Asked));
    assert!(matches!(run.poll(), Poll::Ready(Ran::Stopped(_))));
    drop(run);
    assert_eq!(bench.handler.memory_accounts(), 0);
}
