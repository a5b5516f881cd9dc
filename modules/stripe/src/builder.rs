use std::fmt;
use std::marker::PhantomData;

use rhai::Dynamic;
use rhai_dispatcher_http::Form;

use crate::StripeError;
use crate::resource::{Field, Resource, Subscription, Takes};

/// The parameters of an object that a script is going to create.
#[derive(Clone)]
pub(crate) struct Builder<R> {
    form: Form,
    resource: PhantomData<fn() -> R>,
}

impl<R: Resource> Builder<R> {
    pub(crate) fn new() -> Self {
        Self { form: Form::new(), resource: PhantomData }
    }

    /// The form that is sent to Stripe.
    pub(crate) fn form(&self) -> &Form {
        &self.form
    }

    /// Sets a field, and returns the builder for the next setter of a chain.
    pub(crate) fn set(&mut self, field: Field, value: &Dynamic) -> Result<Self, StripeError> {
        if !field.takes.accepts(value) {
            let Field { setter, takes, .. } = field;
            let (name, found) = (R::NAME, value.type_name());
            let problem = format!("{setter}: a {name}'s is {}, not of type {found}", takes.in_words());
            return Err(StripeError::Invalid(problem));
        }
        self.set_param(field.param, value)
    }

    /// Sets a parameter by its name in Stripe's interface; unit removes it.
    pub(crate) fn set_param(&mut self, param: &str, value: &Dynamic) -> Result<Self, StripeError> {
        if value.is_unit() {
            self.form.remove(param);
        } else {
            self.form.set(param, value)?;
        }
        Ok(self.clone())
    }

    /// Sets the value under a key of a parameter; unit removes it.
    pub(crate) fn set_part(&mut self, param: &str, key: &str, value: &Dynamic) -> Result<Self, StripeError> {
        self.set_param(&Form::part(param, key)?, value)
    }
}

impl Builder<Subscription> {
    /// Adds a price to a subscription.
    pub(crate) fn add_item(&mut self, price: &str, quantity: Option<i64>) -> Result<Self, StripeError> {
        let index = |(name, _): &(String, String)| -> Option<usize> {
            name.strip_prefix("items[")?.split(']').next()?.parse().ok()
        };
        let last = self.form.fields().iter().filter_map(index).max();
        let index = last.map_or(0, |last| last.saturating_add(1));
        self.form.set(&format!("items[{index}][price]"), &price.into())?;
        if let Some(quantity) = quantity {
            self.form.set(&format!("items[{index}][quantity]"), &quantity.into())?;
        }
        Ok(self.clone())
    }
}

impl<R: Resource> fmt::Debug for Builder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(R::TYPE).field("form", &self.form).finish()
    }
}

impl Takes {
    fn accepts(self, value: &Dynamic) -> bool {
        match self {
            _ if value.is_unit() => true,
            Self::Text => value.is_string() || value.is_char(),
            Self::Integer => value.is_int(),
            Self::Number => value.is_int() || value.is_float(),
            Self::Bool => value.is_bool(),
            Self::Array => value.is_array(),
            Self::Map => value.is_map(),
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::Array => "an array",
            Self::Map => "an object map",
        }
    }
}
