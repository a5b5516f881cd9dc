use serde_json::{Value, json};

use crate::command::Scripts;

#[test]
fn results_come_in_the_order_given_and_not_as_they_end() {
    let scripts = Scripts::new([("slow", "sleep(0.3); 1"), ("mid", "sleep(0.1); 2"), ("quick", "3")]);
    let ended = scripts.run(&["slow", "quick", "mid", "quick"]);
    assert_eq!((ended.code, &*ended.out, &*ended.err), (Some(0), "1\n3\n2\n3\n", ""));
}

#[test]
fn strings_are_printed_bare_and_the_rest_as_json() {
    let scripts =
        Scripts::new([("text", "`two\nlines`"), ("map", "#{b: [1, 2.5, ()], a: \"x\"}"), ("unit", "")]);
    let ended = scripts.run(&["text", "map", "unit"]);
    assert_eq!(ended.out, "two\nlines\n{\"a\":\"x\",\"b\":[1,2.5,null]}\nnull\n");
    assert_eq!(ended.code, Some(0));
}

#[test]
fn json_has_the_whole_record_of_each_script_and_a_line_for_every_file() {
    let scripts = Scripts::new([
        ("a.rhai", "print(\"x\"); #{n: args.n}"),
        ("b.rhai", "throw #{ code: 7 }"),
        ("c.rhai", "("),
    ]);
    let ended = scripts.run(&["--json", "--arg", "n=3", "a.rhai", "b.rhai", "c.rhai", "d.rhai"]);
    assert_eq!(ended.code, Some(1));
    let lines: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).expect("one line of JSON")).collect();
    let names: Vec<_> = lines.iter().map(|line| &line["scriptName"]).collect();
    assert_eq!(names, ["a.rhai", "b.rhai", "c.rhai", "d.rhai"]);
    let statuses: Vec<_> = lines.iter().map(|line| &line["status"]).collect();
    assert_eq!(statuses, ["completed", "error", "error", "error"]);
    for field in ["taskId", "workerId", "callerId", "createdAt", "updatedAt", "startedAt"] {
        assert!(lines[0][field].is_string(), "{field}: {}", lines[0]);
    }
    assert_eq!(lines[0]["output"], json!({"n": 3}));
    assert_eq!(lines[0]["log"]["lines"][0]["text"], "x");
    assert_eq!(lines[1]["error"]["kind"], "runtime");
    assert_eq!(lines[1]["error"]["value"], json!({"code": 7}));
    assert_eq!(lines[2]["error"]["kind"], "parse");
    assert_eq!(lines[3]["error"]["kind"], "invalid");
}

#[test]
fn what_scripts_print_goes_to_standard_error() {
    let scripts = Scripts::new([("a", "print(\"one\"); debug(2); print(`x\ny`)"), ("b", "print(\"b\")")]);
    let alone = scripts.run(&["a"]);
    assert_eq!((&*alone.out, &*alone.err), ("null\n", "one\n2\nx\ny\n"));
    let beside = scripts.run(&["a", "b"]);
    // Each script's lines are in order. Which script prints first is not promised.
    let (of_a, of_b): (Vec<_>, Vec<_>) = beside.err.lines().partition(|line| line.starts_with("a: "));
    assert_eq!((of_a, of_b), (vec!["a: one", "a: 2", "a: x", "a: y"], vec!["b: b"]));
}

#[test]
fn a_log_that_was_cut_says_so() {
    let text = "let line = \"0123456789\"; line.pad(1000, '.'); for i in 0..200 { print(line) }";
    let scripts = Scripts::new([("a", text)]);
    let ended = scripts.run(&["a"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(
        ended.err.lines().last(),
        Some("[what was printed after this is left out: the log is full (max_log_bytes)]")
    );
}

#[test]
fn arguments_are_json_where_they_parse_and_strings_elsewhere() {
    let scripts = Scripts::new([("a", "args")]);
    let ended =
        scripts.run(&["a", "--arg", "n=3", "--arg", "s=\"3\"", "--arg", "t=a=b", "--arg", "l=[1,{}]"]);
    assert_eq!(ended.out, "{\"l\":[1,{}],\"n\":3,\"s\":\"3\",\"t\":\"a=b\"}\n");
}

#[test]
fn a_script_comes_from_standard_input_between_files() {
    let scripts = Scripts::new([("a", "1"), ("c", "3")]);
    let ended = scripts.run_with("2", &["a", "-", "c"]);
    assert_eq!((ended.code, &*ended.out), (Some(0), "1\n2\n3\n"));
    let failed = scripts.run_with("nope", &["-"]);
    assert_eq!(failed.code, Some(1));
    assert!(failed.err.contains("--> <stdin>:1:1"), "{}", failed.err);
}

#[test]
fn a_byte_order_mark_and_a_shebang_are_skipped() {
    let scripts = Scripts::new([("bom", "\u{feff}40 + 2"), ("bang", "#!/usr/bin/env -S rhaid run\n41 + 2")]);
    assert_eq!(scripts.run(&["bom", "bang"]).out, "42\n43\n");
}

#[test]
fn far_more_files_than_run_at_once_are_all_answered_in_order() {
    let scripts = Scripts::new([]);
    let names: Vec<String> = (0..11_000).map(|n| format!("{n}.rhai")).collect();
    for (n, name) in names.iter().enumerate() {
        // The first script delays the output, but not the other scripts.
        let text = if n == 0 { "sleep(0.2); 0".to_owned() } else { n.to_string() };
        scripts.write(name, text);
    }
    let ended = scripts.run(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let expected: String = (0..11_000).map(|n| format!("{n}\n")).collect();
    assert_eq!((ended.code, &*ended.err), (Some(0), ""));
    assert!(ended.out == expected, "the results are not 0 to 10999 in order");
}
