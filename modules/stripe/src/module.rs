use std::sync::Arc;

use rhai::{Dynamic, EvalAltResult, Map, NativeCallContext};
use rhai_dispatcher_engine::{AsyncFnConfig, Call, EngineConfig, Secret, This, script_call};
use rhai_dispatcher_http::Form;
use rhai_dispatcher_tokio_bridge::TokioBridge;

use crate::builder::Builder;
use crate::client::{StripeClient, object_path};
use crate::docs::DOCS;
use crate::resource::{Coupon, Customer, PaymentIntent, Price, Product, Resource, Subscription};
use crate::settings::Settings;
use crate::{StripeConfig, StripeError};

/// `configure_stripe`, and the functions of Stripe's objects.
///
/// ```
/// use rhai_dispatcher_engine::EngineConfig;
/// use rhai_dispatcher_stripe::{StripeConfig, StripeModule};
/// use rhai_dispatcher_tokio_bridge::TokioBridge;
///
/// let stripe = StripeModule::new(StripeConfig::new(), TokioBridge::new())?;
/// let engine = stripe.install(EngineConfig::new());
/// # Ok::<(), rhai_dispatcher_stripe::StripeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct StripeModule {
    stripe: Arc<Stripe>,
    limits: AsyncFnConfig,
}

/// The state that all functions share.
#[derive(Debug)]
struct Stripe {
    client: StripeClient,
    /// The settings that each task starts with.
    key: Option<Secret>,
}

impl StripeModule {
    /// A module whose calls run on the bridge's thread.
    ///
    /// # Errors
    /// [`Invalid`](StripeError::Invalid) for an invalid base URL.
    pub fn new(config: StripeConfig, bridge: TokioBridge) -> Result<Self, StripeError> {
        let client = StripeClient::new(&config, bridge)?;
        let limits = AsyncFnConfig::new()
            .with_timeout(config.timeout)
            .with_max_concurrent(config.max_concurrent.max(1));
        Ok(Self { stripe: Arc::new(Stripe { client, key: config.key }), limits })
    }

    /// Adds the functions to an engine's configuration. All workers that use it share connections and
    /// limits.
    #[must_use]
    pub fn install(&self, engine: EngineConfig) -> EngineConfig {
        let engine = engine.with_docs(&DOCS).with_setup(|engine| {
            engine.register_fn("configure_stripe", |context: NativeCallContext<'_>, key: Dynamic| {
                script_call(&context, || Settings::configure(&key).map_err(Box::<EvalAltResult>::from))
            });
        });
        let engine = self.install_resource::<Product>(engine);
        let engine = self.install_resource::<Price>(engine);
        let engine = self.install_resource::<Coupon>(engine);
        let engine = self.install_resource::<Customer>(engine);
        let engine = self.install_resource::<PaymentIntent>(engine);
        let engine = self.install_resource::<Subscription>(engine);
        engine.with_setup(|engine| {
            type Item = Builder<Subscription>;
            engine.register_fn(
                "price",
                |context: NativeCallContext<'_>, subscription: &mut Item, price: &str| {
                    script_call(&context, || {
                        subscription.add_item(price, None).map_err(Box::<EvalAltResult>::from)
                    })
                },
            );
            engine.register_fn(
                "price",
                |context: NativeCallContext<'_>, subscription: &mut Item, price: &str, quantity: i64| {
                    script_call(&context, || {
                        subscription.add_item(price, Some(quantity)).map_err(Box::<EvalAltResult>::from)
                    })
                },
            );
        })
    }

    fn install_resource<R: Resource>(&self, engine: EngineConfig) -> EngineConfig {
        let name = |verb: &str| format!("{verb}_{}", R::NAME);
        let of = || (Arc::clone(&self.stripe), self.limits.clone());
        let ((create, limits), (retrieve, _), (update, _), (list, _), (list_all, _)) =
            (of(), of(), of(), of(), of());
        let list_name = format!("list_{}", R::COLLECTION);
        engine
            .with_setup(register_builder::<R>)
            .with_async_fn_config(
                "create",
                limits.clone(),
                move |call: Call, This(builder): This<Builder<R>>| {
                    let stripe = Arc::clone(&create);
                    async move { stripe.create::<R>(&call, &builder).await.map_err(thrown) }
                },
            )
            .with_async_fn_config(name("retrieve"), limits.clone(), move |call: Call, id: String| {
                let stripe = Arc::clone(&retrieve);
                async move { stripe.retrieve::<R>(&call, &id).await.map_err(thrown) }
            })
            .with_async_fn_config(
                name("update"),
                limits.clone(),
                move |call: Call, id: String, changes: Dynamic| {
                    let stripe = Arc::clone(&update);
                    async move { stripe.update::<R>(&call, &id, &changes).await.map_err(thrown) }
                },
            )
            .with_async_fn_config(&*list_name, limits.clone(), move |call: Call| {
                let stripe = Arc::clone(&list_all);
                async move { stripe.list::<R>(&call, &Map::new().into()).await.map_err(thrown) }
            })
            .with_async_fn_config(&*list_name, limits, move |call: Call, filter: Dynamic| {
                let stripe = Arc::clone(&list);
                async move { stripe.list::<R>(&call, &filter).await.map_err(thrown) }
            })
    }
}

impl Stripe {
    /// The new object's id.
    async fn create<R: Resource>(&self, call: &Call, builder: &Builder<R>) -> Result<Dynamic, StripeError> {
        let object = self.post(call, R::COLLECTION, builder.form()).await?;
        let id = object.as_map_ref().ok().and_then(|object| object.get("id").cloned());
        let missing =
            || StripeError::Invalid(format!("id: Stripe's answer for the new {} has no id", R::NAME));
        id.filter(Dynamic::is_string).ok_or_else(missing)
    }

    async fn retrieve<R: Resource>(&self, call: &Call, id: &str) -> Result<Dynamic, StripeError> {
        let key = Settings::key(call.task(), self.key.as_ref())?;
        self.client.get(&object_path(R::COLLECTION, id)?, &Form::new(), &key).await
    }

    async fn update<R: Resource>(
        &self,
        call: &Call,
        id: &str,
        changes: &Dynamic,
    ) -> Result<Dynamic, StripeError> {
        self.post(call, &object_path(R::COLLECTION, id)?, &form("changes", changes)?).await
    }

    async fn list<R: Resource>(&self, call: &Call, filter: &Dynamic) -> Result<Dynamic, StripeError> {
        let key = Settings::key(call.task(), self.key.as_ref())?;
        self.client.get(R::COLLECTION, &form("filter", filter)?, &key).await
    }

    async fn post(&self, call: &Call, path: &str, form: &Form) -> Result<Dynamic, StripeError> {
        let key = Settings::key(call.task(), self.key.as_ref())?;
        self.client.post(path, form, &key, &call.idempotency_key()).await
    }
}

/// The error as the object map that scripts catch. (`Dynamic::from` would wrap the Rust value.)
fn thrown(error: StripeError) -> Dynamic {
    error.into()
}

fn form(field: &str, value: &Dynamic) -> Result<Form, StripeError> {
    match value.as_map_ref() {
        Ok(map) => Ok(Form::of(&map)?),
        Err(found) => {
            Err(StripeError::Invalid(format!("{field}: it should be an object map, and is of type {found}")))
        }
    }
}

/// `new_…`, and the setters. A setter changes its object and returns it, so that they chain on what
/// `new_…` returns, and also work one by one on a variable.
fn register_builder<R: Resource>(engine: &mut rhai::Engine) {
    engine.register_type_with_name::<Builder<R>>(R::TYPE);
    engine.register_fn(format!("new_{}", R::NAME), Builder::<R>::new);
    for field in R::FIELDS {
        engine.register_fn(
            field.setter,
            |context: NativeCallContext<'_>, builder: &mut Builder<R>, value: Dynamic| {
                script_call(&context, || builder.set(*field, &value).map_err(Box::<EvalAltResult>::from))
            },
        );
    }
    engine.register_fn("metadata", |context: NativeCallContext<'_>, builder: &mut Builder<R>, all: Map| {
        script_call(&context, || {
            builder.set_param("metadata", &all.into()).map_err(Box::<EvalAltResult>::from)
        })
    });
    engine.register_fn(
        "metadata",
        |context: NativeCallContext<'_>, builder: &mut Builder<R>, key: &str, value: Dynamic| {
            script_call(&context, || {
                builder.set_part("metadata", key, &value).map_err(Box::<EvalAltResult>::from)
            })
        },
    );
    engine.register_fn(
        "param",
        |context: NativeCallContext<'_>, builder: &mut Builder<R>, name: &str, value: Dynamic| {
            script_call(&context, || builder.set_param(name, &value).map_err(Box::<EvalAltResult>::from))
        },
    );
    engine.register_fn("to_string", |_: &mut Builder<R>| format!("a new {}", R::NAME));
    engine.register_fn("to_debug", |builder: &mut Builder<R>| format!("{builder:?}"));
}
