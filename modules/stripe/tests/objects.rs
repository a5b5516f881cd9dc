//! The requests to Stripe, and the results in scripts.

mod support;

use std::time::Duration;

use futures::executor::block_on;
use rhai_dispatcher_core::{Outcome, Ran};
use rhai_dispatcher_engine::{EngineConfig, Secret};
use rhai_dispatcher_stripe::StripeModule;
use rhai_dispatcher_test_http::{Answer, TestServer};
use rhai_dispatcher_tokio_bridge::TokioBridge;
use support::{
    Bench, KEY, answer, bench, bench_with, bench_with_array_limit, check_examples, config, error, run,
    stripe, value,
};

#[test]
fn examples_of_the_reference_run() {
    let server = stripe();
    let module = StripeModule::new(config(&server), TokioBridge::new()).expect("a client");
    let engine = module.install(EngineConfig::new());
    let docs = engine.docs().last().expect("the module is documented");
    check_examples(docs, |script| value(&bench(&server), script));
}

#[test]
fn each_object_is_created_by_a_form_of_its_own() {
    let server = stripe();
    let cases = [
        (
            r#"new_product().name("Tea & co").description("d").active(true).images(["a", "b"])
               .metadata(#{a: 1}).metadata("b", "x y").param("tax_code", "txcd_1")"#,
            "/v1/products",
            "name=Tea+%26+co&description=d&active=true&images%5B0%5D=a&images%5B1%5D=b\
             &metadata%5Ba%5D=1&metadata%5Bb%5D=x+y&tax_code=txcd_1",
        ),
        (
            r#"new_price().amount(1000).currency("eur").product("prod_1").recurring("month").interval_count(3)"#,
            "/v1/prices",
            "unit_amount=1000&currency=eur&product=prod_1&recurring%5Binterval%5D=month\
             &recurring%5Binterval_count%5D=3",
        ),
        (
            r#"new_coupon().id("SPRING").percent_off(12.5).duration("repeating").duration_in_months(3)"#,
            "/v1/coupons",
            "id=SPRING&percent_off=12.5&duration=repeating&duration_in_months=3",
        ),
        (
            r#"new_customer().name("Ann").email("ann@example.com").address(#{city: "Ulm", line1: "1"})"#,
            "/v1/customers",
            "name=Ann&email=ann%40example.com&address%5Bcity%5D=Ulm&address%5Bline1%5D=1",
        ),
        (
            r#"new_payment_intent().amount(500).currency("usd").customer("cus_1").confirm(false)
               .payment_method_types(["card"]).automatic_payment_methods(true)"#,
            "/v1/payment_intents",
            "amount=500&currency=usd&customer=cus_1&confirm=false&payment_method_types%5B0%5D=card\
             &automatic_payment_methods%5Benabled%5D=true",
        ),
        (
            r#"new_subscription().customer("cus_1").price("price_1").price("price_2", 3).coupon("SPRING")"#,
            "/v1/subscriptions",
            "customer=cus_1&items%5B0%5D%5Bprice%5D=price_1&items%5B1%5D%5Bprice%5D=price_2\
             &items%5B1%5D%5Bquantity%5D=3&discounts%5B0%5D%5Bcoupon%5D=SPRING",
        ),
    ];
    let ids = ["prod_0", "price_1", "coupon_2", "cus_3", "pi_4", "sub_5"];
    for (number, (object, path, body)) in cases.into_iter().enumerate() {
        assert_eq!(value(&bench(&server), &format!("{object}.create()")), format!("{:?}", ids[number]));
        let asked = &server.asked()[number];
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", path));
        assert_eq!(asked.body, body);
        assert_eq!(asked.header("authorization"), Some(&*format!("Bearer {KEY}")));
        assert_eq!(asked.header("stripe-version"), Some("2025-03-31.basil"));
    }
}

#[test]
fn setters_chain_and_also_work_one_by_one() {
    let server = stripe();
    let script = r#"
        let product = new_product();
        product.name("A");
        product.name("B").description("gone");
        product.description(());
        let other = product;
        other.name("C");
        [product.create(), await_result(other.create_async(), 30)]"#;
    assert_eq!(value(&bench(&server), script), r#"["prod_0","prod_1"]"#);
    let bodies: Vec<_> = server.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!(bodies, ["name=B", "name=C"]);
}

#[test]
fn objects_are_retrieved_updated_and_listed() {
    let server = stripe();
    let bench = bench(&server);
    assert_eq!(value(&bench, r#"retrieve_product("prod_7").id"#), r#""prod_7""#);
    assert_eq!(
        value(&bench, r#"update_customer("cus_7", #{name: "Ann", metadata: #{k: ""}}).id"#),
        r#""cus_7""#
    );
    assert_eq!(value(&bench, "list_prices()"), r#"{"data":[{"id":"x_1"}],"has_more":true}"#);
    assert_eq!(value(&bench, "list_prices(#{limit: 3, recurring: #{interval: `month`}}).has_more"), "true");
    assert_eq!(
        value(&bench, "let r = retrieve_coupon_async(`20 %/x`); await_result(r).id"),
        r#""20%20%25%2Fx""#
    );
    let asked: Vec<_> =
        server.asked().into_iter().map(|asked| (asked.method, asked.path, asked.body)).collect();
    let expected = [
        ("GET", "/v1/products/prod_7", ""),
        ("POST", "/v1/customers/cus_7", "metadata%5Bk%5D=&name=Ann"),
        ("GET", "/v1/prices", ""),
        ("GET", "/v1/prices?limit=3&recurring%5Binterval%5D=month", ""),
        ("GET", "/v1/coupons/20%20%25%2Fx", ""),
    ];
    assert_eq!(asked, expected.map(|(method, path, body)| (method.into(), path.into(), body.into())));
    for script in [r#"retrieve_product("..")"#, r#"retrieve_product("")"#] {
        assert!(error(&bench, script).starts_with("invalid: id: "), "{script}");
    }
    assert_eq!(server.asked().len(), 5);
}

#[test]
fn the_key_is_the_tasks_own() {
    let server = stripe();
    let none = bench_with(config(&server));
    assert_eq!(
        error(&none, "new_product().create()"),
        "not_configured: Stripe has no key yet: call configure_stripe(key) first"
    );
    value(&none, r#"configure_stripe("sk_test_mine"); new_product().create()"#);
    value(&none, "configure_stripe(STRIPE_API_KEY); new_product().create()");
    // The next task on the same lane does not see the key.
    assert!(error(&none, "new_product().create()").starts_with("not_configured: "));
    let some = bench(&server);
    value(&some, r#"new_product().create(); configure_stripe("sk_test_mine"); new_product().create()"#);
    value(&some, "new_product().create()");
    let keys: Vec<_> =
        server.asked().iter().map(|asked| asked.header("authorization").map(str::to_owned)).collect();
    let (mine, workers) = (Some("Bearer sk_test_mine".to_owned()), Some(format!("Bearer {KEY}")));
    assert_eq!(keys, [mine.clone(), workers.clone(), workers.clone(), mine, workers]);
    for bad in ["\"\"", "\"two words\"", "3", "()", "\"a\\nb\""] {
        assert!(error(&some, &format!("configure_stripe({bad})")).starts_with("invalid: key: "), "{bad}");
    }
}

#[test]
fn two_tasks_with_keys_of_their_own_run_side_by_side() {
    let server = TestServer::start(|asked| answer(asked).with_delay(Duration::from_millis(50)));
    let bench = bench_with(config(&server));
    let script = |name: &str| {
        format!(
            r#"configure_stripe("sk_test_{name}"); new_product().name("{name}").create(); new_product().name("{name}").create()"#
        )
    };
    let (ann, bob) = (bench.start(&script("ann")), bench.start(&script("bob")));
    block_on(futures::future::join(ann.future, bob.future));
    let asked = server.asked();
    assert_eq!(asked.len(), 4);
    for asked in asked {
        let name = asked.body.strip_prefix("name=").expect("a name");
        assert_eq!(asked.header("authorization"), Some(&*format!("Bearer sk_test_{name}")));
    }
}

#[test]
fn a_call_has_the_same_idempotency_key_when_its_task_runs_again() {
    let server = stripe();
    let bench = bench(&server);
    let script = r#"let a = new_product().create_async(); new_price().create(); await_result(a); retrieve_product("x");
                    update_product("x", #{name: "y"})"#;
    let task = Bench::task(script);
    let keys = |from: usize| -> Vec<_> {
        let asked = server.asked();
        let posts = asked[from..].iter().filter(|asked| asked.method == "POST");
        let mut keys: Vec<_> = posts
            .map(|asked| (asked.path.clone(), asked.header("idempotency-key").map(str::to_owned)))
            .collect();
        keys.sort();
        keys
    };
    let id = task.id;
    let end = |ran: Ran| assert!(matches!(ran, Ran::Finished(Outcome::Completed(_), _)), "{ran:?}");
    end(block_on(bench.start_task(task.clone(), None).future));
    let first = keys(0);
    let after = server.asked().len();
    end(block_on(bench.start_task(task, None).future));
    assert_eq!(first, keys(after));
    let key = |number: u64| Some(format!("{id}-{number}"));
    assert_eq!(
        first,
        [
            ("/v1/prices".to_owned(), key(2)),
            ("/v1/products".to_owned(), key(1)),
            ("/v1/products/x".to_owned(), key(4))
        ]
    );
    // The same call of another task has another key.
    let after = server.asked().len();
    value(&bench, script);
    assert!(keys(after).iter().all(|key| !first.contains(key)));
}

#[test]
fn a_call_is_tried_again_with_the_same_key() {
    let server = TestServer::start(|asked| match asked.number {
        0 => Answer::hang_up(),
        1 => Answer::status(409),
        _ => answer(asked),
    });
    assert_eq!(value(&bench(&server), r#"new_product().name("x").create()"#), r#""prod_2""#);
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|one| one.header("idempotency-key") == asked[0].header("idempotency-key")));
    assert!(asked.iter().all(|one| one.body == "name=x"));
}

#[test]
fn stripes_word_on_retries_counts_more_than_the_status() {
    for (status, word, calls) in [
        (400, Some("true"), 3),
        (402, Some("true"), 3),
        (409, Some("true"), 3),
        (503, Some("true"), 3),
        (409, Some("false"), 1),
        (429, Some("false"), 1),
        (500, Some("false"), 1),
        (503, Some("false"), 1),
        // Without the header, or with an unknown value of it, the status decides.
        (400, None, 1),
        (402, Some("maybe"), 1),
        (409, None, 3),
        (429, Some("TRUE!"), 3),
        (500, None, 3),
        (503, Some(""), 3),
    ] {
        let server = TestServer::start(move |_| {
            let answer = Answer::json(r#"{"error": {"message": "no"}}"#).with_status(status);
            word.map_or(answer.clone(), |word| answer.with_header("Stripe-Should-Retry", word))
        });
        for call in [r#"new_product().name("x").create()"#, r#"retrieve_product("x")"#] {
            let before = server.asked().len();
            assert_eq!(error(&bench(&server), call), "api: no", "{status} {word:?}");
            let asked = &server.asked()[before..];
            // 409 is an answer to a call that creates or changes something.
            let expected =
                if status == 409 && word.is_none() && call.contains("retrieve") { 1 } else { calls };
            assert_eq!(asked.len(), expected, "{status} {word:?}: {call}");
            let key = asked[0].header("idempotency-key");
            assert_eq!(key.is_some(), call.contains("create"));
            assert!(asked.iter().all(|asked| asked.header("idempotency-key") == key), "{asked:?}");
        }
    }
    // The header counts for its own answer only, and a success is never retried.
    let server = TestServer::start(|asked| match asked.number {
        0 => Answer::status(402).with_header("stripe-should-retry", "true"),
        _ => answer(asked).with_header("stripe-should-retry", "true"),
    });
    assert_eq!(value(&bench(&server), r#"new_product().name("x").create()"#), "\"prod_1\"");
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn an_empty_list_or_map_unsets_its_field() {
    let server = stripe();
    let bench = bench(&server);
    for (script, body) in [
        (r#"update_product("x", #{images: []})"#, "images="),
        (r#"update_product("x", #{metadata: #{}})"#, "metadata="),
        (r#"update_product("x", #{description: ()})"#, "description="),
        (r#"update_product("x", #{description: ""})"#, "description="),
        (r#"update_customer("x", #{shipping: #{address: #{}}})"#, "shipping[address]="),
        (
            r#"update_subscription("x", #{items: [#{price: "p", tax_rates: []}, #{}]})"#,
            "items[0][price]=p&items[0][tax_rates]=&items[1]=",
        ),
        (r#"update_subscription("x", #{discounts: [[]]})"#, "discounts[0]="),
        (r#"update_product("x", #{})"#, ""),
        (r#"new_product().images([]).metadata(#{}).create()"#, "images=&metadata="),
        // The later value counts: it replaces an empty list or map, and is replaced by one.
        (r#"new_product().metadata(#{}).metadata("k", 1).create()"#, "metadata[k]=1"),
        (r#"new_product().metadata("k", 1).metadata(#{}).create()"#, "metadata="),
        (r#"new_product().param("a", #{b: #{}}).param("a[b][c]", 1).create()"#, "a[b][c]=1"),
        (r#"new_subscription().param("items", []).price("p").create()"#, "items[0][price]=p"),
        (
            r#"new_subscription().param("items[1][price]", "q").price("p", 2).create()"#,
            "items[1][price]=q&items[2][price]=p&items[2][quantity]=2",
        ),
    ] {
        value(&bench, script);
        let asked = server.asked().pop().expect("a call");
        assert_eq!(asked.body.replace("%5B", "[").replace("%5D", "]"), body, "{script}");
    }
}

#[test]
fn values_of_all_kinds_have_their_form() {
    let server = stripe();
    let bench = bench(&server);
    for (value_of_k, body) in [
        ("9223372036854775807", "k=9223372036854775807"),
        ("-9223372036854775808", "k=-9223372036854775808"),
        ("0", "k=0"),
        ("12.5", "k=12.5"),
        ("1.0", "k=1"),
        ("1e21", "k=1000000000000000000000"),
        ("0.0000001", "k=0.0000001"),
        ("true", "k=true"),
        ("false", "k=false"),
        ("'ß'", "k=%C3%9F"),
        (r#""日本 & 🍵=+%\n""#, "k=%E6%97%A5%E6%9C%AC+%26+%F0%9F%8D%B5%3D%2B%25%0A"),
        (r#""[]""#, "k=%5B%5D"),
        (
            "#{a: #{b: #{c: [1, [true]]}}}",
            "k%5Ba%5D%5Bb%5D%5Bc%5D%5B0%5D=1&k%5Ba%5D%5Bb%5D%5Bc%5D%5B1%5D%5B0%5D=true",
        ),
        ("[#{a: 1, b: ()}, #{a: 2}]", "k%5B0%5D%5Ba%5D=1&k%5B0%5D%5Bb%5D=&k%5B1%5D%5Ba%5D=2"),
        (
            "#{\"ключ\": 1, \"a b\": 2, \"a.b&c=d\": 3}",
            "k%5Ba+b%5D=2&k%5Ba.b%26c%3Dd%5D=3&k%5B%D0%BA%D0%BB%D1%8E%D1%87%5D=1",
        ),
        ("{ let n = 3; let f = || n; #{a: n, b: [n]} }", "k%5Ba%5D=3&k%5Bb%5D%5B0%5D=3"),
    ] {
        value(&bench, &format!(r#"update_product("x", #{{k: {value_of_k}}})"#));
        assert_eq!(server.asked().pop().expect("a call").body, body, "{value_of_k}");
    }
    let before = server.asked().len();
    for (value_of_k, says) in [
        ("0.0/0.0", "k: a number that is not finite can't be a field"),
        ("#{a: 1.0/0.0}", "k[a]: a number that is not finite can't be a field"),
        ("timestamp()", "k: a timestamp can't be a field"),
        ("blob(1, 0)", "k: a blob can't be a field"),
        ("[|| 1]", "k[0]: a function pointer can't be a field"),
        ("#{\"a[b\": 1}", "k[a[b]: a key in a form can't be empty or have brackets"),
        ("#{\"a]\": 1}", "k[a]]: a key in a form can't be empty or have brackets"),
        ("#{\"\": 1}", "k[]: a key in a form can't be empty or have brackets"),
        ("[[[[[[[[[[1]]]]]]]]]]", "it is nested more than 8 levels deep"),
        ("{ let a = []; a.pad(1001, []); a }", "it is one of more than 1000 fields"),
    ] {
        for call in ["update_product", "let f = |id, m| new_product().param(\"k\", m.k).create(); f.call"] {
            let said = error(&bench, &format!(r#"{call}("x", #{{k: {value_of_k}}})"#));
            assert!(said.contains("invalid: ") && said.contains(says), "{value_of_k}: {said}");
        }
    }
    for key in ["", "a[b]", "]"] {
        let said = error(&bench, &format!(r#"new_product().metadata("{key}", 1)"#));
        assert!(said.contains(&format!("metadata[{key}]: a key in a form can't")), "{said}");
    }
    assert_eq!(server.asked().len(), before);
}

#[test]
fn an_answer_of_stripes_that_is_too_large_is_caught() {
    let server = TestServer::start(|asked| match asked.path.as_str() {
        "/v1/products" => Answer::json(format!(r#"{{"data": [{}0]}}"#, "0,".repeat(10_000))),
        "/v1/prices" => Answer::json(" ".repeat(600_000)),
        "/v1/coupons" => Answer::json("[".repeat(200)),
        _ => Answer::json("\u{feff}{\"data\": []}"),
    });
    let bench = bench_with_array_limit(&server, 5000);
    for (call, says) in [
        ("list_products()", "max_array_size"),
        ("list_prices()", "max_response_bytes"),
        ("list_coupons()", "more than 127 levels"),
    ] {
        let script = format!("let e = (); try {{ {call} }} catch (x) {{ e = x }} e");
        let caught = value(&bench, &script);
        assert!(caught.contains(r#""kind":"too_large""#) && caught.contains(says), "{caught}");
    }
    assert_eq!(value(&bench, "list_customers().data"), "[]");
}

#[test]
fn a_refusal_of_stripes_is_caught_with_its_details() {
    let server = stripe();
    let script = r#"let e = (); try { new_customer().name("declined").create() } catch (x) { e = x } e"#;
    assert_eq!(
        value(&bench(&server), script),
        r#"{"code":"c","kind":"api","line":1,"message":"Your card was declined.","param":"p","request_id":"req_1","status":402,"type":"card_error","value":null}"#
    );
    assert_eq!(
        error(&bench(&server), r#"new_customer().name("declined").create()"#),
        "api: Your card was declined."
    );
    let script =
        "let e = ();\ntry { new_customer().name([]) } catch (x) { e = x }\n[e.kind, e.value, e.line]";
    assert_eq!(value(&bench(&server), script), r#"["invalid",null,2]"#);
    // Answers of other servers in place of Stripe.
    let proxy = TestServer::start(|_| Answer::status(407).with_body("<html>"));
    assert_eq!(error(&bench(&proxy), "new_product().create()"), "api: Stripe answered with status 407");
    let other = TestServer::start(|_| Answer::status(302).with_header("location", "https://example.com/"));
    assert_eq!(error(&bench(&other), "new_product().create()"), "api: Stripe answered with status 302");
    let page = TestServer::start(|_| Answer::text("<html>"));
    assert_eq!(error(&bench(&page), "new_product().create()"), "api: Stripe answered with status 200");
}

#[test]
fn no_error_tells_the_key() {
    let server = stripe();
    let bench = bench_with(config(&server).with_key(Secret::new("rk_live_plugh")));
    let (outcome, log) = run(&bench, "let r = new_product().create_async(); await_result(r, 30)");
    let said = format!("{outcome:?} {log:?}");
    assert!(said.contains("Invalid API Key provided: [secret]") && !said.contains("plugh"), "{said}");
}

#[test]
fn a_wrong_value_is_an_error_that_names_the_setter() {
    let server = stripe();
    for (script, says) in [
        ("new_price().amount(10.5)", "amount: a price's is a whole number, not of type f64"),
        ("new_price().amount(`10`)", "amount: a price's is a whole number, not of type string"),
        ("new_product().name(3)", "name: a product's is a string, not of type i64"),
        ("new_product().metadata(#{f: || 1})", "metadata[f]: a function pointer can't be a field"),
        ("update_product(`x`, 3)", "changes: it should be an object map, and is of type i64"),
    ] {
        let said = error(&bench(&server), script);
        assert!(said.starts_with("invalid: ") && said.contains(says), "{script}: {said}");
    }
    let said = error(&bench(&server), "new_product().amount(3)");
    assert!(said.contains("amount (Product, i64)"), "{said}");
    assert!(server.asked().is_empty());
}

#[test]
fn a_secret_can_be_no_field() {
    let server = stripe();
    value(
        &bench(&server),
        r#"new_product().metadata("k", STRIPE_API_KEY).param("description", "" + STRIPE_API_KEY).create()"#,
    );
    let asked = server.asked();
    assert_eq!(asked[0].body, "metadata%5Bk%5D=%5Bsecret%5D&description=%5Bsecret%5D");
}

#[test]
fn a_call_that_takes_too_long_is_a_timeout() {
    let server = TestServer::start(|_| Answer::text("").with_delay(Duration::from_secs(60)));
    // Uses the task's clock, which a test can set.
    let bench = bench_with(config(&server).with_key(Secret::new(KEY)).with_timeout(Duration::from_secs(3)));
    let mut started = bench.start("let r = new_product().create_async(); let s = []; s.push(request_status(r)); sleep(4); s.push(request_status(r)); s");
    assert!(started.poll().is_pending());
    bench.clock.advance(Duration::from_secs(5));
    assert_eq!(started.value(), r#"["pending","timeout"]"#);
}
