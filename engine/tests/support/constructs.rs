//! Scripts of about a given length, each made of as much as possible of one construct.
#![allow(dead_code, reason = "each user uses a part")]

/// A construct, and the script of about so many bytes that has it.
pub(crate) type Construct = (&'static str, fn(usize) -> String);

/// All of them.
pub(crate) const CONSTRUCTS: &[Construct] = &[
    ("statements", |bytes| repeat(bytes, |_| "x;".into())),
    ("unknown_names", |bytes| repeat(bytes, |i| format!("v{i:x};"))),
    ("unknown_names_in_function", |bytes| format!("fn f() {{ {} }}", repeat(bytes, |i| format!("v{i:x};")))),
    ("variables", |bytes| repeat(bytes, |i| format!("let v{i:x};"))),
    ("constants", |bytes| repeat(bytes, |i| format!("const V{i:x}=1;"))),
    ("variables_in_blocks", |bytes| nested(bytes, 20, |i| format!("let v{i:x};"))),
    ("variables_in_cases", |bytes| repeat(bytes, |i| format!("switch 1 {{1=>let v{i:x}=1}}"))),
    ("variables_then_unknown", |bytes| {
        repeat(bytes / 2, |i| format!("let v{i:x};")) + &*repeat(bytes / 2, |_| "x;".into())
    }),
    ("exported_again", |bytes| {
        repeat(bytes / 2, |_| "export let a=1;".into()) + &*repeat(bytes / 2, |_| "x;".into())
    }),
    ("exports", |bytes| format!("let a = 1;{}", repeat(bytes, |i| format!("export a as a{i:x};")))),
    ("imports", |bytes| {
        repeat(bytes / 2, |_| "import 1 as a;".into()) + &*repeat(bytes / 2, |_| "b::c;".into())
    }),
    ("imports_and_functions", |bytes| {
        repeat(bytes / 2, |_| "import 1 as a;".into()) + &*repeat(bytes / 2, |i| format!("fn f{i:x}(){{}}"))
    }),
    ("imports_and_closures", |bytes| {
        repeat(bytes / 2, |_| "import 1 as a;".into()) + &*repeat(bytes / 2, |_| "||1;".into())
    }),
    ("functions", |bytes| repeat(bytes, |i| format!("fn f{i:x}(){{}}"))),
    ("functions_then_unknown", |bytes| {
        repeat(10_240, |i| format!("fn f{i:x}(){{}}")).split_inclusive('}').take(1_000).collect::<String>()
            + &*repeat(bytes - 10_240, |_| "x;".into())
    }),
    ("parameters", |bytes| format!("fn f({}) {{}}", repeat(bytes, |i| format!("p{i:x},")))),
    ("closure_parameters", |bytes| format!("let f = |{}z| 1;", repeat(bytes, |i| format!("p{i:x},")))),
    ("captured", |bytes| format!("let f = || {{ {} }};", repeat(bytes, |i| format!("v{i:x};")))),
    ("captured_in_nested", |bytes| {
        let depth = 12;
        let inner = repeat(bytes, |i| format!("v{i:x};"));
        format!("let f = {}{inner}{};", "||{".repeat(depth), "}".repeat(depth))
    }),
    ("captured_by_many", |bytes| {
        repeat(bytes, |i| format!("||{{{}}};", repeat(600, |j| format!("a{j:x};")) + &*format!("b{i:x}")))
    }),
    ("captured_after_block", |bytes| format!("{{}} || {{ {} }};", repeat(bytes, |i| format!("v{i:x};")))),
    ("captured_by_let", |bytes| {
        format!("let f = || {{ {} }};", repeat(bytes, |i| format!("let v{i:x}=v{i:x};")))
    }),
    ("captured_by_for", |bytes| {
        format!("let f = || {{ {} }};", repeat(bytes, |i| format!("for v{i:x} in v{i:x} {{}}")))
    }),
    ("arguments", |bytes| format!("print({}1)", repeat(bytes, |_| "1,".into()))),
    ("arguments_of_unknown", |bytes| format!("nothing({}1)", repeat(bytes, |_| "1,".into()))),
    ("arguments_of_method", |bytes| format!("let a = []; a.push({}1)", repeat(bytes, |_| "1,".into()))),
    ("arguments_of_closure", |bytes| format!("let f = |x| x; f.call({}1)", repeat(bytes, |_| "1,".into()))),
    ("arguments_with_bang", |bytes| format!("print!({}1)", repeat(bytes, |_| "1,".into()))),
    ("arguments_in_module", |bytes| format!("a::b({}1)", repeat(bytes, |_| "1,".into()))),
    ("arguments_in_switch", |bytes| {
        format!("switch 1 {{ 1 => print({}1) }}", repeat(bytes, |_| "1,".into()))
    }),
    ("array_literal", |bytes| format!("[{}1]", repeat(bytes, |_| "1,".into()))),
    ("array_of_arrays", |bytes| format!("[{}1]", repeat(bytes, |_| "[1],".into()))),
    ("map_literal", |bytes| format!("#{{{}}}", repeat(bytes, |i| format!("k{i:x}:1,")))),
    ("map_literal_texts", |bytes| format!("#{{{}}}", repeat(bytes, |i| format!("\"k{i:x}\":1,")))),
    ("map_literal_same_prefix", |bytes| {
        format!("#{{{}}}", repeat(bytes, |i| format!("kkkkkkkkkkkkkkkkkkkkkkkk{i:04x}:1,")))
    }),
    ("switch_cases", |bytes| format!("switch 1 {{{}}}", repeat(bytes, |i| format!("{i}=>1,")))),
    ("switch_alternatives", |bytes| format!("switch 1 {{{}0=>1}}", repeat(bytes, |i| format!("{}|", i + 1)))),
    ("switch_ranges", |bytes| format!("switch 1 {{{}}}", repeat(bytes, |i| format!("{i}..{}=>1,", i + 1)))),
    ("switch_same_case", |bytes| format!("switch 1 {{{}}}", repeat(bytes, |_| "1 if x=>1,".into()))),
    ("interpolation", |bytes| format!("`{}`", repeat(bytes, |_| "${1}".into()))),
    ("text", |bytes| format!("\"{}\"", repeat(bytes, |_| "x".into()))),
    ("texts", |bytes| repeat(bytes, |_| "\"x\";".into())),
    ("comment", |bytes| format!("/*{}*/", repeat(bytes, |_| "/**/".into()))),
    ("name", |bytes| repeat(bytes, |_| "x".into())),
    ("number", |bytes| format!("0x{}", repeat(bytes, |_| "_".into()))),
    ("property_chain", |bytes| format!("x{}", repeat(bytes, |_| ".a".into()))),
    ("method_chain", |bytes| format!("x{}", repeat(bytes, |_| ".a()".into()))),
    ("index_chain", |bytes| format!("x{}", repeat(bytes, |_| "[0]".into()))),
    ("namespace_chain", |bytes| format!("a{}", repeat(bytes, |_| "::a".into()))),
    ("sums", |bytes| format!("1{}", repeat(bytes, |_| "+1".into()))),
    ("ands", |bytes| format!("x{}", repeat(bytes, |_| "&&x".into()))),
    ("short_sums", |bytes| repeat(bytes, |_| format!("1{};", "+1".repeat(50)))),
    ("else_ifs", |bytes| format!("if x {{}}{}", repeat(bytes, |_| "else if x{}".into()))),
    ("blocks", |bytes| repeat(bytes, |_| "{}".into())),
    ("nested_blocks", |bytes| "{".repeat(bytes / 2) + &*"}".repeat(bytes / 2)),
    ("tries", |bytes| repeat(bytes, |_| "try{}catch(e){}".into())),
    ("loops", |bytes| repeat(bytes, |_| "for i in x{}".into())),
    ("assignments", |bytes| format!("let a=1;{}", repeat(bytes, |_| "a=1;".into()))),
    ("global_names", |bytes| repeat(bytes, |_| "global::x;".into())),
    ("closures", |bytes| repeat(bytes, |i| format!("||{i};"))),
    ("same_closures", |bytes| repeat(bytes, |_| "||1;".into())),
    ("semicolons", |bytes| repeat(bytes, |_| ";".into())),
    ("minuses", |bytes| format!("{}1", "-".repeat(bytes))),
];

/// As many parts as fit into `bytes`.
pub(crate) fn repeat(bytes: usize, part: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(bytes);
    for index in 0.. {
        let part = part(index);
        if text.len() + part.len() > bytes {
            break;
        }
        text.push_str(&part);
    }
    text
}

/// The same in so many blocks within each other.
fn nested(bytes: usize, depth: usize, part: fn(usize) -> String) -> String {
    let inner = repeat(bytes / depth, part);
    format!("{{{inner}").repeat(depth) + &*"}".repeat(depth)
}
