use std::fs;
use std::path::Path;

use crate::command::{Ended, ended, rhaid};

fn functions(args: &[&str]) -> Ended {
    ended(rhaid().arg("functions").args(args).output().expect("rhaid runs"))
}

#[test]
fn reference_in_the_documents_is_the_one_that_is_generated() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/scripting.md");
    let kept = fs::read_to_string(path).expect("docs/scripting.md");
    let generated = functions(&["--markdown"]).out;
    let first = kept.lines().zip(generated.lines()).position(|(kept, generated)| kept != generated);
    assert!(
        kept == generated,
        "docs/scripting.md is not what the tables say, from line {} on; write it with\n    \
         cargo rhaid functions --markdown > docs/scripting.md",
        first.unwrap_or_else(|| kept.lines().count().min(generated.lines().count())) + 1
    );
}

#[test]
fn functions_are_listed_and_described_by_name() {
    let all = functions(&[]);
    assert_eq!(all.code, Some(0), "{}", all.err);
    for name in ["await_all_settled", "http_get", "hmac_sha256", "dispatch", "new_product", "to_json"] {
        assert!(
            all.out.lines().any(|line| line.trim_start().starts_with(&format!("{name} "))),
            "{name}: {}",
            all.out
        );
    }
    let one = functions(&["random_int"]);
    assert!(one.out.starts_with("random_int(from, to)\n\nA random whole number"), "{}", one.out);
    assert!(
        one.out.contains("\nErrors: `from` is above `to`") && one.out.contains("\nExample: "),
        "{}",
        one.out
    );
    let both = functions(&["http_get_async"]);
    assert!(both.out.contains("http_get(url, options)\nhttp_get_async(…)"), "{}", both.out);
    let rhai = functions(&["trim"]);
    assert_eq!((rhai.code, &*rhai.out), (Some(0), "trim comes with Rhai: see https://rhai.rs/book/\n"));
}

#[test]
fn functions_are_found_by_a_part_of_their_names() {
    let found = functions(&["base64"]);
    assert_eq!(found.code, Some(0), "{}", found.err);
    let names: Vec<_> = found
        .out
        .lines()
        .filter(|line| line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(
        names.contains(&"base64_encode") && names.iter().all(|name| name.contains("base64")),
        "{names:?}"
    );
}

#[test]
fn unknown_function_is_refused_with_the_nearest_name() {
    let near = functions(&["htpp_get"]);
    assert_eq!((near.code, &*near.out), (Some(2), ""));
    assert!(near.err.contains("no function is called `htpp_get`; did you mean `http_get`?"), "{}", near.err);
    let far = functions(&["frobnicate"]);
    assert!(far.code == Some(2) && far.err.contains("`rhaid functions` prints all"), "{}", far.err);
}
