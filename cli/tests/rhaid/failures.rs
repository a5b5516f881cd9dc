use crate::command::Scripts;

/// The text on standard error of a failing script.
fn error_of(text: &str) -> String {
    let scripts = Scripts::new([("x.rhai", text)]);
    let ended = scripts.run(&["x.rhai"]);
    assert_eq!((ended.code, &*ended.out), (Some(1), ""), "{}", ended.err);
    ended.err
}

#[test]
fn a_runtime_error_shows_its_place() {
    let expected = "\
error[runtime]: Variable not found: nope
  --> x.rhai:2:9
   |
 2 | let x = nope + 1;
   |         ^
";
    assert_eq!(error_of("let a = 1;\nlet x = nope + 1;\n"), expected);
}

#[test]
fn a_parse_error_shows_its_place() {
    let expected = "\
error[parse]: Unexpected ';'
  --> x.rhai:1:9
   |
 1 | let x = ;
   |         ^
";
    assert_eq!(error_of("let x = ;"), expected);
}

#[test]
fn the_caret_is_under_the_column_behind_tabs_and_wide_characters() {
    let expected = "\
error[runtime]: Variable not found: nope
  --> x.rhai:1:17
   |
 1 |     let a = \"漢é\" + nope;
   |                     ^
";
    assert_eq!(error_of("\tlet a = \"漢é\" + nope;"), expected);
}

#[test]
fn a_long_line_is_cut_around_the_caret() {
    let error = error_of(&format!(
        "let a = \"{}\"; let c = nope; let b = \"{}\";",
        "x".repeat(5_000),
        "y".repeat(5_000)
    ));
    let lines: Vec<&str> = error.lines().collect();
    assert!(lines[3].starts_with(" 1 | …xxx") && lines[3].ends_with("yyy…"), "{error}");
    assert!(lines[3].chars().count() < 110, "{error}");
    let caret = lines[4].chars().position(|c| c == '^').expect("a caret");
    assert!(lines[3].chars().skip(caret).collect::<String>().starts_with("nope"), "{error}");
}

#[test]
fn control_characters_of_a_line_do_not_reach_the_terminal() {
    let error = error_of("let a = \"\u{1b}[2J\"; nope");
    assert!(error.contains("let a = \"\u{fffd}[2J\"; nope"), "{error:?}");
}

#[test]
fn a_result_without_a_json_form_is_an_error() {
    assert!(error_of("|x| x").starts_with("error[output]: "));
}

#[test]
fn one_failure_stops_no_other_script_and_is_counted() {
    let scripts = Scripts::new([("a", "1"), ("b", "throw \"no\""), ("c", "("), ("e", "5")]);
    let ended = scripts.run(&["a", "b", "c", "missing", "e"]);
    assert_eq!((ended.code, &*ended.out), (Some(1), "1\n5\n"));
    let heads: Vec<&str> = ended.err.lines().filter(|line| line.starts_with("error")).collect();
    assert_eq!(heads[0], "error[runtime]: no");
    assert!(heads[1].starts_with("error[parse]: "), "{}", ended.err);
    assert_eq!(heads[2], "error[invalid]: the file does not exist");
    assert_eq!(heads[3], "error: 3 of 5 scripts failed");
}

#[test]
fn a_script_that_outlasts_its_timeout_fails_and_what_it_printed_is_kept() {
    let scripts =
        Scripts::new([("waits", "print(\"began\"); sleep(3600)"), ("busy", "loop {}"), ("quick", "1")]);
    for script in ["waits", "busy"] {
        let ended = scripts.run(&["--timeout", "1s", "--threads", "1", script, "quick"]);
        assert_eq!((ended.code, &*ended.out), (Some(1), "1\n"));
        let expected = "error[timeout]: the script did not end within 1s; --timeout gives it longer";
        assert!(ended.err.contains(expected), "{}", ended.err);
        assert!(ended.err.contains(&format!("--> {script}\n")), "{}", ended.err);
        assert_eq!(ended.err.contains("waits: began"), script == "waits", "{}", ended.err);
    }
}

#[test]
fn a_dispatch_to_a_worker_id_that_is_not_served_here_fails_at_once() {
    let caught = "let said = (); try { dispatch(\"other\", \"1\") } catch (e) { said = `caught: ${e}` } said";
    let scripts = Scripts::new([
        ("lost", "dispatch(\"other\", \"1\")"),
        ("later", "let id = dispatch_async(\"other\", #{script: \"1\"}); await_result(id)"),
        ("caught", caught),
        ("here", "dispatch(worker_id, \"40 + 2\")"),
    ]);
    let says = "no task is sent to other from here; worker ids that can be used: local";
    // A dispatch that waited would end with the message of its timeout.
    for script in ["lost", "later"] {
        let ended = scripts.run(&["--timeout", "1h", script]);
        assert_eq!((ended.code, &*ended.out), (Some(1), ""), "{}", ended.err);
        assert!(ended.err.starts_with("error[runtime]: ") && ended.err.contains(says), "{}", ended.err);
    }
    let ended = scripts.run(&["--timeout", "1h", "caught", "here"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.out, format!("caught: invalid: dispatch: worker_id: {says}\n42\n"));
}
