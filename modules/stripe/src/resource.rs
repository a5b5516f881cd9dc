//! The kinds of objects that scripts can create, and their setters.

/// One kind of Stripe's objects.
pub(crate) trait Resource: Clone + Send + Sync + 'static {
    /// The name of the builder's type in scripts.
    const TYPE: &'static str;
    /// The name in `new_…`, `retrieve_…` and `update_…`.
    const NAME: &'static str;
    /// The collection: in `list_…`, and in Stripe's paths.
    const COLLECTION: &'static str;
    /// The setters, in addition to those of all kinds.
    const FIELDS: &'static [Field];
}

/// One setter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// The name in scripts.
    pub(crate) setter: &'static str,
    /// The parameter's name in Stripe's interface.
    pub(crate) param: &'static str,
    /// The type of its argument.
    pub(crate) takes: Takes,
}

/// The type of a setter's argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Text,
    /// Amounts too: they are in the smallest unit of the currency, such as cents.
    Integer,
    Number,
    Bool,
    Array,
    Map,
}

use Takes::{Array, Bool, Integer, Map, Number, Text};

/// A product.
#[derive(Debug, Clone)]
pub(crate) struct Product;

impl Resource for Product {
    const TYPE: &'static str = "Product";
    const NAME: &'static str = "product";
    const COLLECTION: &'static str = "products";
    const FIELDS: &'static [Field] = &[
        field("id", Text),
        field("name", Text),
        field("description", Text),
        field("active", Bool),
        field("images", Array),
        field("unit_label", Text),
        field("url", Text),
    ];
}

/// A price of a product.
#[derive(Debug, Clone)]
pub(crate) struct Price;

impl Resource for Price {
    const TYPE: &'static str = "Price";
    const NAME: &'static str = "price";
    const COLLECTION: &'static str = "prices";
    const FIELDS: &'static [Field] = &[
        as_param("amount", "unit_amount", Integer),
        field("currency", Text),
        field("product", Text),
        field("nickname", Text),
        field("active", Bool),
        field("lookup_key", Text),
        as_param("recurring", "recurring[interval]", Text),
        as_param("interval_count", "recurring[interval_count]", Integer),
    ];
}

/// A coupon: a reduction of prices.
#[derive(Debug, Clone)]
pub(crate) struct Coupon;

impl Resource for Coupon {
    const TYPE: &'static str = "Coupon";
    const NAME: &'static str = "coupon";
    const COLLECTION: &'static str = "coupons";
    const FIELDS: &'static [Field] = &[
        field("id", Text),
        field("name", Text),
        field("percent_off", Number),
        field("amount_off", Integer),
        field("currency", Text),
        field("duration", Text),
        field("duration_in_months", Integer),
        field("max_redemptions", Integer),
        field("redeem_by", Integer),
    ];
}

/// A customer.
#[derive(Debug, Clone)]
pub(crate) struct Customer;

impl Resource for Customer {
    const TYPE: &'static str = "Customer";
    const NAME: &'static str = "customer";
    const COLLECTION: &'static str = "customers";
    const FIELDS: &'static [Field] = &[
        field("name", Text),
        field("email", Text),
        field("phone", Text),
        field("description", Text),
        field("address", Map),
        field("payment_method", Text),
    ];
}

/// A payment intent: one payment.
#[derive(Debug, Clone)]
pub(crate) struct PaymentIntent;

impl Resource for PaymentIntent {
    const TYPE: &'static str = "PaymentIntent";
    const NAME: &'static str = "payment_intent";
    const COLLECTION: &'static str = "payment_intents";
    const FIELDS: &'static [Field] = &[
        field("amount", Integer),
        field("currency", Text),
        field("customer", Text),
        field("description", Text),
        field("payment_method", Text),
        field("payment_method_types", Array),
        as_param("automatic_payment_methods", "automatic_payment_methods[enabled]", Bool),
        field("confirm", Bool),
        field("return_url", Text),
        field("receipt_email", Text),
        field("statement_descriptor", Text),
    ];
}

/// A subscription: repeated payments. It also has the setter `price`.
#[derive(Debug, Clone)]
pub(crate) struct Subscription;

impl Resource for Subscription {
    const TYPE: &'static str = "Subscription";
    const NAME: &'static str = "subscription";
    const COLLECTION: &'static str = "subscriptions";
    const FIELDS: &'static [Field] = &[
        field("customer", Text),
        field("description", Text),
        field("currency", Text),
        field("default_payment_method", Text),
        field("trial_period_days", Integer),
        field("cancel_at_period_end", Bool),
        as_param("coupon", "discounts[0][coupon]", Text),
    ];
}

/// A setter with the parameter's own name.
const fn field(name: &'static str, takes: Takes) -> Field {
    as_param(name, name, takes)
}

const fn as_param(setter: &'static str, param: &'static str, takes: Takes) -> Field {
    Field { setter, param, takes }
}
