use rhai_dispatcher_engine::{FunctionDoc, ModuleDoc};

/// The reference of the functions.
pub(crate) static DOCS: ModuleDoc = ModuleDoc::new("Stripe", ABOUT, &[COMMON, OBJECTS, SETTERS]);

const ABOUT: &str = "\
Stripe's objects. In Rust: feature `stripe`, `StripeModule`; `rhaid` always has them. A new object is built by setters, \
each of which returns the object, and sent by `create`. Errors are object maps with `kind`, `message`, `value` and `line`; more about them, \
keys and retries is in [modules/stripe](../modules/stripe/README.md).";

const CALL: &str = "Stripe refuses the call, or the call gets no answer.";
const VALUE: &str = "The value is of another type.";

const COMMON: &[FunctionDoc] = &[
    FunctionDoc::new(
        "configure_stripe",
        &["configure_stripe(key)"],
        "Sets the key for the calls of the script that follow: a secret, or a text.",
    )
    .errors("`key` is neither a secret nor a text, or it is not a Stripe key.")
    .example("configure_stripe(STRIPE_API_KEY)", "null"),
    FunctionDoc::new("create", &["object.create()"], "Creates the object at Stripe, and returns its id.")
        .errors(CALL)
        .example("new_product().name(\"Tea\").create().sub_string(0, 5)", "\"prod_\"")
        .with_async(),
    FunctionDoc::new(
        "metadata",
        &["object.metadata(map)", "object.metadata(key, value)"],
        "Sets all metadata of a new object, or the value of one key. Returns the object.",
    )
    .errors(VALUE)
    .example("new_product().metadata(\"order\", 7).to_string()", "\"a new product\""),
    FunctionDoc::new(
        "param",
        &["object.param(name, value)"],
        "Sets any parameter of a new object, by its name in Stripe's interface. Returns the object.",
    )
    .errors(VALUE)
    .example("new_product().param(\"tax_code\", \"txcd_1\").to_string()", "\"a new product\""),
    FunctionDoc::new(
        "price",
        &["object.price(id)", "object.price(id, quantity)"],
        "Adds a price to a new subscription, once or as often as `quantity`. Returns the object.",
    )
    .errors(VALUE)
    .example("new_subscription().price(\"price_1\", 3).to_string()", "\"a new subscription\""),
];

/// The functions that each kind of object has.
macro_rules! objects {
    ($($name:literal, $list:literal, $words:literal;)*) => {
        &[$(
            FunctionDoc::new(concat!("new_", $name), &[concat!("new_", $name, "()")], concat!("A new ", $words, ", for setters and `create`."))
                .example(concat!("new_", $name, "().to_string()"), concat!("\"a new ", $name, "\"")),
            FunctionDoc::new(concat!("retrieve_", $name), &[concat!("retrieve_", $name, "(id)")], concat!("The ", $words, " with this id, as an object map."))
                .errors(CALL)
                .example(concat!("retrieve_", $name, "(\"x_1\").id"), "\"x_1\"")
                .with_async(),
            FunctionDoc::new(concat!("update_", $name), &[concat!("update_", $name, "(id, changes)")], concat!("Changes parameters of a ", $words, ", a map, and returns all of it."))
                .errors(CALL)
                .example(concat!("update_", $name, "(\"x_1\", #{ metadata: #{ order: 7 } }).id"), "\"x_1\"")
                .with_async(),
            FunctionDoc::new(
                concat!("list_", $list),
                &[concat!("list_", $list, "()"), concat!("list_", $list, "(filter)")],
                concat!("A page of the account's objects of the kind ", $words, ", as Stripe answers it: a map with `data` and `has_more`. The filter is a map of Stripe's parameters, such as `limit`."),
            )
            .errors(CALL)
            .example(concat!("list_", $list, "(#{ limit: 1 }).data.len()"), "1")
            .with_async(),
        )*]
    };
}

const OBJECTS: &[FunctionDoc] = objects! {
    "product", "products", "product";
    "price", "prices", "price";
    "coupon", "coupons", "coupon";
    "customer", "customers", "customer";
    "payment_intent", "payment_intents", "payment intent";
    "subscription", "subscriptions", "subscription";
};

const SETTERS: &[FunctionDoc] = &[
    FunctionDoc::new("active", &["object.active(yes)"], "Sets whether it can be used, of a new product or price. Returns the object.")
        .errors(VALUE)
        .example("new_product().active(true).to_string()", "\"a new product\""),
    FunctionDoc::new("address", &["object.address(map)"], "Sets the address, a map such as `#{ city: \"Ulm\" }`, of a new customer. Returns the object.")
        .errors(VALUE)
        .example("new_customer().address(#{ city: \"Ulm\" }).to_string()", "\"a new customer\""),
    FunctionDoc::new("amount", &["object.amount(cents)"], "Sets the amount, in the smallest unit of the currency, of a new price or payment intent. Returns the object.")
        .errors(VALUE)
        .example("new_price().amount(1000).to_string()", "\"a new price\""),
    FunctionDoc::new("amount_off", &["object.amount_off(cents)"], "Sets the reduction, in the smallest unit of the currency, of a new coupon. Returns the object.")
        .errors(VALUE)
        .example("new_coupon().amount_off(500).to_string()", "\"a new coupon\""),
    FunctionDoc::new("automatic_payment_methods", &["object.automatic_payment_methods(yes)"], "Sets whether Stripe chooses the payment methods, of a new payment intent. Returns the object.")
        .errors(VALUE)
        .example("new_payment_intent().automatic_payment_methods(true).to_string()", "\"a new payment_intent\""),
    FunctionDoc::new("cancel_at_period_end", &["object.cancel_at_period_end(yes)"], "Sets whether it ends with the period, of a new subscription. Returns the object.")
        .errors(VALUE)
        .example("new_subscription().cancel_at_period_end(true).to_string()", "\"a new subscription\""),
    FunctionDoc::new("confirm", &["object.confirm(yes)"], "Sets whether it is confirmed at once, of a new payment intent. Returns the object.")
        .errors(VALUE)
        .example("new_payment_intent().confirm(false).to_string()", "\"a new payment_intent\""),
    FunctionDoc::new("coupon", &["object.coupon(id)"], "Sets the coupon, of a new subscription. Returns the object.")
        .errors(VALUE)
        .example("new_subscription().coupon(\"SPRING\").to_string()", "\"a new subscription\""),
    FunctionDoc::new("currency", &["object.currency(code)"], "Sets the currency, such as `\"eur\"`, of a new price, coupon, payment intent or subscription. Returns the object.")
        .errors(VALUE)
        .example("new_price().currency(\"eur\").to_string()", "\"a new price\""),
    FunctionDoc::new("customer", &["object.customer(id)"], "Sets the customer, of a new payment intent or subscription. Returns the object.")
        .errors(VALUE)
        .example("new_payment_intent().customer(\"cus_1\").to_string()", "\"a new payment_intent\""),
    FunctionDoc::new("default_payment_method", &["object.default_payment_method(id)"], "Sets the payment method of its invoices, of a new subscription. Returns the object.")
        .errors(VALUE)
        .example("new_subscription().default_payment_method(\"pm_1\").to_string()", "\"a new subscription\""),
    FunctionDoc::new("description", &["object.description(text)"], "Sets the description, of a new product, customer, payment intent or subscription. Returns the object.")
        .errors(VALUE)
        .example("new_product().description(\"green\").to_string()", "\"a new product\""),
    FunctionDoc::new("duration", &["object.duration(text)"], "Sets how long it holds: `\"once\"`, `\"repeating\"` or `\"forever\"`, of a new coupon. Returns the object.")
        .errors(VALUE)
        .example("new_coupon().duration(\"once\").to_string()", "\"a new coupon\""),
    FunctionDoc::new("duration_in_months", &["object.duration_in_months(months)"], "Sets for how many months it repeats, of a new coupon. Returns the object.")
        .errors(VALUE)
        .example("new_coupon().duration_in_months(3).to_string()", "\"a new coupon\""),
    FunctionDoc::new("email", &["object.email(text)"], "Sets the address for mail, of a new customer. Returns the object.")
        .errors(VALUE)
        .example("new_customer().email(\"ann@example.com\").to_string()", "\"a new customer\""),
    FunctionDoc::new("id", &["object.id(text)"], "Sets the id, where Stripe is not to choose it, of a new product or coupon. Returns the object.")
        .errors(VALUE)
        .example("new_product().id(\"tea\").to_string()", "\"a new product\""),
    FunctionDoc::new("images", &["object.images(urls)"], "Sets the addresses of pictures, an array, of a new product. Returns the object.")
        .errors(VALUE)
        .example("new_product().images([\"https://example.com/tea.png\"]).to_string()", "\"a new product\""),
    FunctionDoc::new("interval_count", &["object.interval_count(count)"], "Sets of how many intervals a period is, of a new price. Returns the object.")
        .errors(VALUE)
        .example("new_price().interval_count(3).to_string()", "\"a new price\""),
    FunctionDoc::new("lookup_key", &["object.lookup_key(text)"], "Sets the name by which it is found, of a new price. Returns the object.")
        .errors(VALUE)
        .example("new_price().lookup_key(\"tea\").to_string()", "\"a new price\""),
    FunctionDoc::new("max_redemptions", &["object.max_redemptions(count)"], "Sets how often it can be used, of a new coupon. Returns the object.")
        .errors(VALUE)
        .example("new_coupon().max_redemptions(10).to_string()", "\"a new coupon\""),
    FunctionDoc::new("name", &["object.name(text)"], "Sets the name, of a new product, coupon or customer. Returns the object.")
        .errors(VALUE)
        .example("new_product().name(\"Tea\").to_string()", "\"a new product\""),
    FunctionDoc::new("nickname", &["object.nickname(text)"], "Sets the name within the account, of a new price. Returns the object.")
        .errors(VALUE)
        .example("new_price().nickname(\"monthly\").to_string()", "\"a new price\""),
    FunctionDoc::new("payment_method", &["object.payment_method(id)"], "Sets the payment method, of a new customer or payment intent. Returns the object.")
        .errors(VALUE)
        .example("new_customer().payment_method(\"pm_1\").to_string()", "\"a new customer\""),
    FunctionDoc::new("payment_method_types", &["object.payment_method_types(types)"], "Sets the payment methods that it accepts, an array, of a new payment intent. Returns the object.")
        .errors(VALUE)
        .example("new_payment_intent().payment_method_types([\"card\"]).to_string()", "\"a new payment_intent\""),
    FunctionDoc::new("percent_off", &["object.percent_off(number)"], "Sets the reduction, in percent, of a new coupon. Returns the object.")
        .errors(VALUE)
        .example("new_coupon().percent_off(12.5).to_string()", "\"a new coupon\""),
    FunctionDoc::new("phone", &["object.phone(text)"], "Sets the telephone number, of a new customer. Returns the object.")
        .errors(VALUE)
        .example("new_customer().phone(\"+49 1\").to_string()", "\"a new customer\""),
    FunctionDoc::new("product", &["object.product(id)"], "Sets the product of a new price. Returns the object.")
        .errors(VALUE)
        .example("new_price().product(\"prod_1\").to_string()", "\"a new price\""),
    FunctionDoc::new("receipt_email", &["object.receipt_email(text)"], "Sets where the receipt is sent, of a new payment intent. Returns the object.")
        .errors(VALUE)
        .example("new_payment_intent().receipt_email(\"ann@example.com\").to_string()", "\"a new payment_intent\""),
    FunctionDoc::new("recurring", &["object.recurring(interval)"], "Sets the interval: `\"day\"`, `\"week\"`, `\"month\"` or `\"year\"`, of a new price. Returns the object.")
        .errors(VALUE)
        .example("new_price().recurring(\"month\").to_string()", "\"a new price\""),
    FunctionDoc::new("redeem_by", &["object.redeem_by(seconds)"], "Sets until when it can be used, in seconds since 1970, of a new coupon. Returns the object.")
        .errors(VALUE)
        .example("new_coupon().redeem_by(1900000000).to_string()", "\"a new coupon\""),
    FunctionDoc::new("return_url", &["object.return_url(url)"], "Sets where the customer comes back to, of a new payment intent. Returns the object.")
        .errors(VALUE)
        .example("new_payment_intent().return_url(\"https://example.com/\").to_string()", "\"a new payment_intent\""),
    FunctionDoc::new("statement_descriptor", &["object.statement_descriptor(text)"], "Sets the text on the bank statement, of a new payment intent. Returns the object.")
        .errors(VALUE)
        .example("new_payment_intent().statement_descriptor(\"TEA SHOP\").to_string()", "\"a new payment_intent\""),
    FunctionDoc::new("trial_period_days", &["object.trial_period_days(days)"], "Sets the length of the trial, of a new subscription. Returns the object.")
        .errors(VALUE)
        .example("new_subscription().trial_period_days(14).to_string()", "\"a new subscription\""),
    FunctionDoc::new("unit_label", &["object.unit_label(text)"], "Sets the label of one unit of a new product. Returns the object.")
        .errors(VALUE)
        .example("new_product().unit_label(\"cup\").to_string()", "\"a new product\""),
    FunctionDoc::new("url", &["object.url(url)"], "Sets the page about it, of a new product. Returns the object.")
        .errors(VALUE)
        .example("new_product().url(\"https://example.com/\").to_string()", "\"a new product\""),
];
