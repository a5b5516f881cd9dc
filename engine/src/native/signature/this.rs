/// A parameter of a type that was registered with the engine, such as a builder, by value.
/// Functions of one name are told apart by it, so that `product.create()` and `price.create()` can be
/// two functions. As a result, it is handed to the script as it is.
///
/// ```
/// use rhai_dispatcher_engine::{EngineConfig, This};
///
/// #[derive(Clone)]
/// struct Product { name: String }
///
/// let config = EngineConfig::new()
///     .with_setup(|engine| {
///         engine.register_type_with_name::<Product>("Product");
///         engine.register_fn("new_product", || Product { name: String::new() });
///     })
///     .with_async_fn("create", |This(product): This<Product>| async move {
///         Ok::<_, String>(format!("prod_{}", product.name))
///     });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct This<T>(pub T);
