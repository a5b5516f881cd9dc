use std::any::TypeId;
use std::rc::Rc;
use std::sync::Arc;

use rhai::{Dynamic, EvalAltResult, ImmutableString, NativeCallContext};
use rhai_dispatcher_core::Tick;

use super::{
    Arguments, AsyncFnConfig, AsyncFunction, BlockingFunction, BlockingPool, Call, CallBody, CallEnd,
    CallError, CallFuture, PANIC, Parameters, Reply, Runtime, TOO_LARGE,
};
use crate::fiber::off_fiber;
use crate::metrics::CallMetrics;
use crate::request::Started;
use crate::script::{ScriptRun, settle};
use crate::{WaitError, fiber};

/// A function under one name, in the two forms that scripts can call.
pub(crate) struct Function {
    name: Arc<str>,
    config: AsyncFnConfig,
    rhai_types: Vec<TypeId>,
    begin: Begin,
    metrics: Arc<CallMetrics>,
}

type Begin = Box<dyn Fn(Arguments<'_, '_>) -> Result<CallBody, Box<EvalAltResult>> + Send + Sync>;

impl Function {
    pub(crate) fn of_async<P, F>(name: &Arc<str>, config: &AsyncFnConfig, function: &Arc<F>) -> Self
    where
        P: Parameters,
        F: AsyncFunction<P, Reply: Reply>,
    {
        let function = Arc::clone(function);
        let begin = move |mut arguments: Arguments<'_, '_>| -> Result<CallBody, Box<EvalAltResult>> {
            let future = function.begin(P::take(&mut arguments)?);
            Ok(Box::pin(async move { future.await.into_result() }))
        };
        Self::new(name, config, P::rhai_types(), Box::new(begin))
    }

    pub(crate) fn of_blocking<P, F>(
        name: &Arc<str>,
        config: &AsyncFnConfig,
        function: &Arc<F>,
        pool: &BlockingPool,
    ) -> Self
    where
        P: Parameters + Send,
        F: BlockingFunction<P, Reply: Reply + Send + 'static>,
    {
        let (function, pool) = (Arc::clone(function), pool.clone());
        let begin = move |mut arguments: Arguments<'_, '_>| -> Result<CallBody, Box<EvalAltResult>> {
            let (priority, runtime) = (arguments.priority(), arguments.runtime());
            let parameters = P::take(&mut arguments)?;
            let (function, pool) = (Arc::clone(&function), pool.clone());
            Ok(Box::pin(async move {
                match pool.run(priority, move || runtime.within(|| function.run(parameters))).await {
                    Ok(reply) => reply.into_result(),
                    Err(error) => Err(CallError::new(PANIC, Runtime::explained(error.to_string())).into()),
                }
            }))
        };
        Self::new(name, config, P::rhai_types(), Box::new(begin))
    }

    fn new(name: &Arc<str>, config: &AsyncFnConfig, rhai_types: Vec<TypeId>, begin: Begin) -> Self {
        let metrics = Arc::new(CallMetrics::new(name));
        Self { name: Arc::clone(name), config: config.clone(), rhai_types, begin, metrics }
    }

    /// Adds both forms to an engine.
    pub(crate) fn register(self, engine: &mut rhai::Engine) {
        let this = Arc::new(self);
        let function = Arc::clone(&this);
        engine.register_raw_fn(
            &*this.name,
            &this.rhai_types,
            move |context: NativeCallContext<'_>, arguments: &mut [&mut Dynamic]| {
                super::script_call(&context, || function.call(arguments))
            },
        );
        let function = Arc::clone(&this);
        engine.register_raw_fn(
            format!("{}_async", this.name),
            &this.rhai_types,
            move |context: NativeCallContext<'_>, arguments: &mut [&mut Dynamic]| {
                super::script_call(&context, || function.start(arguments))
            },
        );
    }

    /// `name(...)`: waits for the answer.
    fn call(&self, arguments: &mut [&mut Dynamic]) -> Result<Dynamic, Box<EvalAltResult>> {
        let run = ScriptRun::current().ok_or(WaitError::NotOnFiber)?;
        let (call, body) = self.prepare(&run, arguments)?;
        let wall_end = run.wall_end();
        let end = self.future(&call, body, wall_end);
        let end = match fiber::wait(end) {
            Ok(CallEnd::TimedOut) if wall_end < call.deadline() => Ok(None),
            waited => waited.map(Some),
        };
        match settle(&run, end)? {
            CallEnd::Completed(value) => match super::check_reply(&run, &value) {
                Ok(()) => Ok(value),
                Err(problem) => Err(CallError::new(TOO_LARGE, problem).into()),
            },
            CallEnd::Failed(error) => Err(super::throw(error)),
            CallEnd::TimedOut => Err(super::timed_out(&self.name, self.config.timeout)),
        }
    }

    /// `name_async(...)`: begins, and returns the request's id.
    fn start(&self, arguments: &mut [&mut Dynamic]) -> Result<ImmutableString, Box<EvalAltResult>> {
        let run = ScriptRun::current().ok_or(WaitError::NotOnFiber)?;
        run.requests().check_room(&run)?;
        let (call, body) = self.prepare(&run, arguments)?;
        let future = self.future(&call, body, call.deadline());
        let started =
            Started { number: call.number(), function: Arc::clone(&self.name), timeout: call.timeout() };
        run.requests().start(&run, started, future)
    }

    fn future(&self, call: &Call, body: CallBody, give_up: Tick) -> CallFuture {
        CallFuture::new(call, self.config.slots.as_ref(), body, give_up, &self.metrics)
    }

    fn prepare(
        &self,
        run: &Rc<ScriptRun>,
        arguments: &mut [&mut Dynamic],
    ) -> Result<(Call, CallBody), Box<EvalAltResult>> {
        let call = Call::new(run, Arc::clone(&self.name), self.config.timeout);
        let runtime = &run.config().runtime;
        let mut begin = || (self.begin)(Arguments::new(&call, arguments));
        // A closure may make a timer before it returns its future.
        let body = if runtime.is_some() { off_fiber(|| runtime.within(&mut begin))? } else { begin()? };
        Ok((call, body))
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.name)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
