use std::any::TypeId;
use std::rc::Rc;
use std::sync::Arc;

use rhai::{Dynamic, EvalAltResult, ImmutableString, NativeCallContext};
use rhai_dispatcher_core::{BlockingPool, Tick};

use super::async_fn_config::AsyncFnConfig;
use super::call::Call;
use super::reply_size::check_reply;
use super::request::Requests;
use super::script_call::script_call;
use super::signature::{Arguments, AsyncFunction, BlockingFunction, Parameters, Reply};
use crate::call::{CallBody, CallEnd, CallError, CallFuture, CallTimes, PANIC, Runtime, Started, TOO_LARGE};
use crate::fiber::{self, WaitError, off_fiber};
use crate::metrics::CallMetrics;
use crate::script::{ScriptRun, conclude_wait};

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
                script_call(&context, || function.call(arguments))
            },
        );
        let function = Arc::clone(&this);
        engine.register_raw_fn(
            format!("{}_async", this.name),
            &this.rhai_types,
            move |context: NativeCallContext<'_>, arguments: &mut [&mut Dynamic]| {
                script_call(&context, || function.start(arguments))
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
        let value = conclude_wait(&run, end)?.into_result(&self.name, self.config.timeout)?;
        match check_reply(&run, &value) {
            Ok(()) => Ok(value),
            Err(problem) => Err(CallError::new(TOO_LARGE, problem).into()),
        }
    }

    /// `name_async(...)`: begins, and returns the request's id.
    fn start(&self, arguments: &mut [&mut Dynamic]) -> Result<ImmutableString, Box<EvalAltResult>> {
        let run = ScriptRun::current().ok_or(WaitError::NotOnFiber)?;
        let requests = Requests::of(&run);
        requests.check_room()?;
        let (call, body) = self.prepare(&run, arguments)?;
        let future = self.future(&call, body, call.deadline());
        let started =
            Started { number: call.number(), function: Arc::clone(&self.name), timeout: call.timeout() };
        requests.start(started, future)
    }

    /// Gives up at the call's deadline or at `give_up`, whichever comes first.
    fn future(&self, call: &Call, body: CallBody, give_up: Tick) -> CallFuture {
        let task = call.task();
        let times = CallTimes { started: call.started(), give_up: call.deadline().min(give_up) };
        let acquire = self.config.slots.as_ref().map(|slots| slots.acquire(task.priority()));
        let (runtime, clock) = (task.config().runtime.clone(), Arc::clone(task.clock()));
        CallFuture::new(times, acquire, body, runtime, clock, &self.metrics)
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
