//! Random scripts that build values, share, nest, change, convert, compare, throw and return them.

use proptest::collection::vec;
use proptest::prelude::*;

/// How many variables a script has: `v0`, `v1`, …
const VARIABLES: usize = 5;

/// A script. Errors that a script can catch end none of its statements but their own.
pub(crate) fn script() -> impl Strategy<Value = String> {
    (vec(block(), 1..12), end()).prop_map(|(blocks, end)| {
        let mut script = String::from("fn touch() { this.a = this; this[0] = this; this }\n");
        script.push_str("fn same(x) { x }\nfn twice(x) { [x, x] }\n");
        script.push_str(
            "let v0 = [0]; let v1 = #{a: 1}; let v2 = \"text\"; let v3 = || v0; let v4 = [[1], #{a: [2]}];\n",
        );
        script.push_str(&blocks.concat());
        script.push_str(&end);
        script
    })
}

/// Statements, once or in a loop: a few rounds double a value until it is too large, many make it deep.
fn block() -> impl Strategy<Value = String> {
    let rounds = prop_oneof![6 => Just(1), 4 => 2..40_u32, 2 => 100..3_000_u32, 1 => Just(50_000)];
    (rounds, vec(statement(), 1..5)).prop_map(|(rounds, statements)| match rounds {
        1 => statements.concat(),
        rounds => format!("for i in 0..{rounds} {{\n{}}}\n", statements.concat()),
    })
}

fn variable() -> impl Strategy<Value = String> {
    (0..VARIABLES).prop_map(|variable| format!("v{variable}"))
}

/// A value that is not a variable's.
fn fresh() -> impl Strategy<Value = String> {
    const TEXTS: &[&str] = &[
        "0",
        "-1",
        "1.5",
        "true",
        "'x'",
        "()",
        "\"\"",
        "\"text\"",
        "[]",
        "#{}",
        "[0]",
        "[0, 1, 2]",
        "#{a: 1}",
        "timestamp()",
        "blob(3, 7)",
        "0..9",
        "#{a: #{b: [0]}}",
        "[[[0]]]",
        "Fn(\"same\")",
        "|x| x",
        "parse_json(\"[1,{}]\")",
    ];
    proptest::sample::select(TEXTS).prop_map(str::to_owned)
}

/// What can stand on the left of an assignment.
fn place() -> impl Strategy<Value = String> {
    const PATH: &[&str] = &[
        "",
        "",
        "",
        "[0]",
        "[1]",
        "[-1]",
        ".a",
        ".b",
        "[\"k\" + i]",
        "[`${i}`]",
        ".a.a",
        "[0][0]",
        "[0].a",
        ".a[0]",
        "[0][0][0][0][0][0][0][0]",
        ".a.a.a.a.a.a.a.a",
        "[0..2]",
    ];
    (variable(), proptest::sample::select(PATH)).prop_map(|(variable, path)| format!("{variable}{path}"))
}

/// `%` is a variable, each time another one.
fn expression() -> impl Strategy<Value = String> {
    const FORMS: &[&str] = &[
        "%",
        "%",
        "%",
        "[%]",
        "[%, %]",
        "#{a: %}",
        "#{a: %, b: %}",
        "[%, #{a: %}]",
        "[% , [%], %]",
        "% + %",
        "\"\" + %",
        "% + \"\"",
        "`${%}`",
        "`${%}${%}`",
        "%.to_string()",
        "%.to_debug()",
        "%.to_json()",
        "parse_json(%.to_json())",
        "% == %",
        "% != %",
        "% in %",
        "%.contains(%)",
        "%.index_of(%)",
        "%.pop()",
        "%.shift()",
        "%.remove(0)",
        "%.keys()",
        "%.values()",
        "%.len()",
        "%.map(|x| [x])",
        "%.map(|x| %)",
        "%.filter(|x| x == %)",
        "%.reduce(|s, x| [s, x])",
        "%.find_map(|x| %)",
        "%.zip(%, |x, y| [x, y])",
        "%.drain(|x| true)",
        "%.drain(0, 2)",
        "%.extract(0, 3)",
        "%.split(1)",
        "%.call()",
        "%.call(%)",
        "%.curry(%)",
        "%.curry(%, %)",
        "Fn(\"same\").curry(%)",
        "Fn(\"twice\").call(%)",
        "same(%)",
        "twice(%)",
        "%.touch()",
        "%.sub_string(1, 5)",
        "%.to_chars()",
        "%.to_blob()",
        "%.as_string()",
        "%.to_array()",
        "%.split(\"x\")",
        "%.replace(\"x\", %)",
        "switch % { 1 => %, \"a\" => %, _ => % }",
        "if % == % { % } else { % }",
        "|| %",
        "|x| [x, %]",
        "#{f: || %, g: || %}",
        "[|| %, || %]",
        "%.type_of()",
        "%.is_shared()",
        "{ let p = %; || p }",
        "{ let p = %; [|| p, || p] }",
        "{ let p = %; let q = || p; #{a: || [p, q], b: || q} }",
        "%.take()",
        "%.order()",
        "%.sort_desc()",
        "max(%, %)",
        "%.fill_with(%)",
        "% - %",
        "% * %",
        "-%",
        "%.tag",
        "%[0]",
        "%[\"a\"]",
        "%?.a?.a",
        "% ?? %",
    ];
    (proptest::sample::select(FORMS), vec(variable(), 6), fresh(), 0..8_u32).prop_map(
        |(form, variables, fresh, pick)| {
            if pick == 0 {
                return fresh;
            }
            let mut variables = variables.iter();
            form.chars().fold(String::new(), |mut text, char| {
                match char {
                    '%' => text.push_str(variables.next().map_or("v0", |variable| variable)),
                    char => text.push(char),
                }
                text
            })
        },
    )
}

fn statement() -> impl Strategy<Value = String> {
    const ON_TWO: &[&str] = &[
        "%1.push(%2);",
        "%1.insert(0, %2);",
        "%1.append(%2);",
        "%1 += %2;",
        "%1.pad(100, %2);",
        "%1.pad(20000, %2);",
        "%1.splice(0, 1, %2);",
        "%1.set(\"k\", %2);",
        "%1.set(0, %2);",
        "%1.mixin(%2);",
        "%1.fill_with(%2);",
        "%1.replace(\"x\", %2);",
        "%1.for_each(|x| { this = %2; });",
        "%1.for_each(|x| { this[0] = %2; });",
        "%1.retain(|x| x != %2);",
        "push(%1, %2);",
        "%1.touch().push(%2);",
        "%1.sort(|a, b| a == %2);",
    ];
    const ON_ONE: &[&str] = &[
        "print(%);",
        "debug(%);",
        "print([%, %]);",
        "throw %;",
        "throw [%, %];",
        "%.sort();",
        "%.dedup();",
        "%.reverse();",
        "%.clear();",
        "%.chop(2);",
        "%.truncate(3);",
        "%.touch();",
        "% = ();",
        "%.pad(3000, 'x');",
        "%.pad(300000, 'x');",
        "% = || %;",
        "%.f = || %;",
        "%[0] = || %;",
        "% = #{f: || %, g: [|| %]};",
        "echo(%);",
        "echo_async(%);",
        "%.crop(1);",
        "try { cancel_request(dispatch_async(\"none\", #{script: \"1\", args: #{v: %}})); } catch (e) { print(e); }",
        "for x in % { x = %; %.push(x); if %.len() > 50 { break; } }",
        "make_upper(%);",
        "%.name = %;",
        "nothing(%, [%]);",
    ];
    let two = (proptest::sample::select(ON_TWO), place(), variable());
    let one = (proptest::sample::select(ON_ONE), place());
    let statement = prop_oneof![
        4 => (variable(), expression()).prop_map(|(variable, value)| format!("{variable} = {value};")),
        3 => (place(), expression()).prop_map(|(place, value)| format!("{place} = {value};")),
        1 => (place(), expression()).prop_map(|(place, value)| format!("{place} += {value};")),
        2 => two.prop_map(|(form, place, variable)| form.replace("%1", &place).replace("%2", &variable)),
        3 => one.prop_map(|(form, place)| form.replace('%', &place)),
    ];
    statement.prop_map(|statement| {
        // `i` is a variable of loops; elsewhere the statement is an error, which is caught.
        format!("try {{ {statement} }} catch {{}}\n")
    })
}

/// How the script ends.
fn end() -> impl Strategy<Value = String> {
    const FORMS: &[&str] = &[
        "%",
        "return %;",
        "throw %;",
        "[%]",
        "#{a: %}",
        "print(%)",
        "\"\" + %",
        "`${%}`",
        "%.to_json()",
        "throw #{a: %};",
    ];
    (proptest::sample::select(FORMS), variable()).prop_map(|(form, variable)| form.replace('%', &variable))
}
