//! A folder of scripts that is edited while it is called.
#![expect(
    clippy::print_stdout,
    reason = "how long a change took is for the reader, and not a claim of a test"
)]

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rhai_dispatcher_core::{TaskErrorKind, lock};
use rhai_dispatcher_engine::EngineConfig;
use rhai_dispatcher_handlers::{FolderConfig, Handlers, ScriptFolder};
use serde_json::json;
use support::{Bench, until};

struct Api {
    folder: ScriptFolder,
    bench: Bench,
    path: PathBuf,
    /// Removed last.
    _directory: tempfile::TempDir,
}

impl Api {
    fn new(files: &[(&str, String)], config: FolderConfig) -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        let path = directory.path().join("api");
        fs::create_dir(&path).expect("a folder");
        for (name, text) in files {
            fs::write(path.join(name), text).expect("a file");
        }
        let folder = ScriptFolder::open(&path, config, &EngineConfig::new()).expect("a folder");
        let handlers = Handlers::new([], Some(folder.clone())).expect("good");
        handlers.watch().expect("a thread");
        Self { bench: Bench::new(handlers), folder, path, _directory: directory }
    }

    fn version(&self) -> i64 {
        self.bench.value("edited.version", json!(null)).parse().expect("a number")
    }

    /// Waits until a new version answers.
    fn until_version(&self, version: i64) -> Duration {
        until(&format!("version {version}"), || self.version() == version)
    }
}

fn edited(version: i64) -> String {
    // Longer than what is written at once.
    let padding = "// padding\n".repeat(2_000);
    format!("{padding}/// The version.\nfn version() {{ {version} }}\nfn also() {{ 1 }}\n")
}

/// One way in which editors and tools save a file.
type Save = fn(&Path, &str);

fn in_place(path: &Path, text: &str) {
    fs::write(path, text).expect("a file");
}

/// Truncates the file, and writes it piece by piece.
fn in_pieces(path: &Path, text: &str) {
    let mut file = File::create(path).expect("a file");
    for piece in text.as_bytes().chunks(1000) {
        file.write_all(piece).expect("a piece");
        thread::yield_now();
    }
}

fn by_rename(path: &Path, text: &str) {
    let new = path.with_file_name(".edited.rhai.swp");
    fs::write(&new, text).expect("a file");
    fs::rename(&new, path).expect("a rename");
}

/// Renames the old file first, so that there is none for a moment.
fn with_backup(path: &Path, text: &str) {
    let backup = path.with_file_name("edited.rhai~");
    fs::rename(path, &backup).expect("a rename");
    thread::yield_now();
    fs::write(path, text).expect("a file");
    fs::remove_file(&backup).expect("it goes");
}

fn by_removal(path: &Path, text: &str) {
    fs::remove_file(path).expect("it goes");
    thread::yield_now();
    fs::write(path, text).expect("a file");
}

/// Changes a copy, and exchanges the whole folder.
fn with_folder(path: &Path, text: &str) {
    let folder = path.parent().expect("a folder");
    let (copy, old) = (folder.with_file_name("copy"), folder.with_file_name("old"));
    fs::create_dir(&copy).expect("a folder");
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        fs::copy(entry.path(), copy.join(entry.file_name())).expect("a copy");
    }
    fs::write(copy.join("edited.rhai"), text).expect("a file");
    fs::rename(folder, &old).expect("a rename");
    fs::rename(&copy, folder).expect("a rename");
    fs::remove_dir_all(&old).expect("it goes");
}

const SAVES: [(&str, Save); 6] = [
    ("in place", in_place),
    ("in pieces", in_pieces),
    ("by rename", by_rename),
    ("with a backup", with_backup),
    ("by removal", by_removal),
    ("with its folder", with_folder),
];

#[test]
fn no_call_fails_while_the_folder_is_edited() {
    let files = [
        ("edited.rhai", edited(0)),
        ("stable.rhai", "import \"edited\" as edited; fn ping() { edited::version() }".to_owned()),
        ("going.rhai", "fn ping() { 1 }".to_owned()),
    ];
    let api = Arc::new(Api::new(&files, FolderConfig::new()));
    let (stop, calls, latest) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicI64::new(0)));
    let callers: Vec<_> = ["edited.version", "stable.ping", "edited.version"]
        .into_iter()
        .map(|method| {
            let (api, stop, calls, latest) =
                (Arc::clone(&api), Arc::clone(&stop), Arc::clone(&calls), Arc::clone(&latest));
            thread::spawn(move || {
                let mut last = 0;
                while !stop.load(Ordering::Relaxed) {
                    let version: i64 = api.bench.value(method, json!(null)).parse().expect("a number");
                    assert!(version >= last, "{method}: {version} came after {last}");
                    assert!(
                        version <= latest.load(Ordering::SeqCst),
                        "{method}: {version} was not saved yet"
                    );
                    last = version;
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();

    let file = api.path.join("edited.rhai");
    let mut version = 0;
    let mut slowest = (Duration::ZERO, "");
    for round in 0..5 {
        for (name, save) in SAVES {
            version += 1;
            latest.store(version, Ordering::SeqCst);
            save(&file, &edited(version));
            let took = api.until_version(version);
            slowest = slowest.max((took, name));
        }
        // An error keeps the last version, also if it is all that changes.
        in_place(&file, "fn version( { }");
        until("the error is told", || !api.folder.describe().problems.is_empty());
        assert_eq!(api.version(), version, "round {round}");
    }
    version += 1;
    latest.store(version, Ordering::SeqCst);
    by_rename(&file, &edited(version));
    api.until_version(version);
    until("the error is gone", || api.folder.describe().problems.is_empty());

    // What is removed is gone, and what comes is there.
    fs::rename(api.path.join("going.rhai"), api.path.join("coming.rhai")).expect("a rename");
    until("the new name", || api.bench.call("coming.ping", json!(null)).error.is_none());
    until("the old name is gone", || api.bench.call("going.ping", json!(null)).error.is_some());
    assert_eq!(api.bench.error("going.ping", json!(null)).kind, TaskErrorKind::UnknownMethod);
    fs::create_dir(api.path.join("sub")).expect("a folder");
    fs::write(api.path.join("sub/new.rhai"), "fn ping() { 1 }").expect("a file");
    until("the file in a new folder", || api.bench.call("sub.new.ping", json!(null)).error.is_none());
    fs::remove_dir_all(api.path.join("sub")).expect("it goes");
    until("the folder is gone", || api.bench.call("sub.new.ping", json!(null)).error.is_some());

    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.join().expect("no call failed");
    }
    let (slowest, how) = slowest;
    println!("{} calls, {version} saves; slowest: {slowest:?}, saved {how}", calls.load(Ordering::Relaxed));
}

#[test]
fn changes_are_found_without_notifications() {
    let api = Api::new(&[("edited.rhai", edited(0))], FolderConfig::new().with_notifications(false));
    let file = api.path.join("edited.rhai");
    for (version, save) in (1..).zip([by_rename as Save, with_backup, by_removal, with_folder]) {
        save(&file, &edited(version));
        api.until_version(version);
    }
}

#[test]
fn a_file_that_stays_empty_has_no_methods_in_the_end() {
    let api = Api::new(&[("edited.rhai", edited(1))], FolderConfig::new());
    in_place(&api.path.join("edited.rhai"), "");
    until("it has none", || api.folder.describe().handlers.iter().all(|handler| handler.methods.is_empty()));
    assert_eq!(api.bench.error("edited.version", json!(null)).kind, TaskErrorKind::UnknownMethod);
    in_place(&api.path.join("edited.rhai"), &edited(2));
    until("it has some", || api.bench.call("edited.version", json!(null)).error.is_none());
}

#[test]
fn the_thread_ends_with_the_last_clone() {
    let directory = tempfile::tempdir().expect("a folder");
    let of_engine = Arc::new(std::sync::Mutex::new(()));
    let held = Arc::clone(&of_engine);
    // The folder holds the engine's configuration for as long as it is watched.
    let engine = EngineConfig::new().with_setup(move |_| drop(lock(&held)));
    let folder = ScriptFolder::open(directory.path(), FolderConfig::new(), &engine).expect("a folder");
    drop(engine);
    folder.watch().expect("a thread");
    folder.watch().expect("the same");
    drop(folder);
    until("nothing holds it", || Arc::strong_count(&of_engine) == 1);
}
