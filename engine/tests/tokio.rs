//! Asynchronous functions that use tokio, with its runtime and without.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use rhai_dispatcher_core::TaskErrorKind;
use rhai_dispatcher_engine::EngineConfig;
use support::Bench;

fn nap() -> EngineConfig {
    EngineConfig::new().with_async_fn("nap", || async {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        1
    })
}

#[test]
fn without_a_runtime_the_error_has_the_line_and_the_way_out() {
    let bench = Bench::with(nap());
    let error = bench.error("let x = 1;\nlet f = |n| n + nap();\n\nf.call(x)");
    assert_eq!((error.kind, error.line), (TaskErrorKind::Panic, Some(2)), "{error}");
    assert!(error.message.contains("no reactor running"), "{error}");
    assert!(error.message.contains("EngineConfig::with_tokio"), "{error}");
    let error = bench.error("let id = nap_async();\nawait_result(id)");
    assert_eq!((error.kind, error.line), (TaskErrorKind::Runtime, Some(2)), "{error}");
    assert!(error.message.contains("EngineConfig::with_tokio"), "{error}");
}

#[cfg(feature = "tokio")]
mod with_runtime {
    use std::io;
    use std::net::TcpListener;
    use std::time::Duration;

    use futures::executor::block_on;
    use rhai_dispatcher_core::{CancelReason, Outcome, Ran, Stop};
    use tokio::net::TcpStream;
    use tokio::runtime::{Handle, Runtime};

    use super::*;

    fn runtime() -> Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    }

    fn value(bench: &Bench, source: &str) -> String {
        match block_on(bench.start(source).future) {
            Ran::Finished(Outcome::Completed(output), _) => output.to_string(),
            other => panic!("{source}: {other:?}"),
        }
    }

    #[test]
    fn timers_and_sockets_work_in_both_forms() {
        let runtime = runtime();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = nap()
            .with_tokio(runtime.handle().clone())
            .with_async_fn("connect", |port: u16| async move {
                let stream = TcpStream::connect(("127.0.0.1", port)).await?;
                Ok::<_, io::Error>(stream.peer_addr()?.port())
            })
            // The timer is made before there is a future.
            .with_async_fn("early", || {
                let sleep = tokio::time::sleep(Duration::from_millis(1));
                async move {
                    sleep.await;
                    2
                }
            });
        let bench = Bench::with(config);
        assert_eq!(value(&bench, "[nap(), await_result(nap_async()), early()]"), "[1,1,2]");
        assert_eq!(value(&bench, &format!("connect({port})")), port.to_string());
        assert_eq!(value(&bench, &format!("await_result(connect_async({port}))")), port.to_string());
        let many = "let ids = []; for i in 0..200 { ids.push(nap_async()); } await_all(ids).len()";
        assert_eq!(value(&bench, many), "200");
    }

    #[test]
    fn a_blocking_function_runs_within_the_runtime() {
        let runtime = runtime();
        let config =
            EngineConfig::new().with_tokio(runtime.handle().clone()).with_blocking_fn("block", || {
                Handle::current().block_on(async {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    3
                })
            });
        assert_eq!(value(&Bench::with(config), "block()"), "3");
    }

    #[test]
    fn a_call_that_is_dropped_is_dropped_within_the_runtime() {
        struct NeedsRuntime(std::sync::mpsc::Sender<bool>);
        impl Drop for NeedsRuntime {
            fn drop(&mut self) {
                let _ = self.0.send(Handle::try_current().is_ok());
            }
        }
        let runtime = runtime();
        let (sender, dropped) = std::sync::mpsc::channel();
        let config =
            EngineConfig::new().with_tokio(runtime.handle().clone()).with_async_fn("never", move || {
                let guard = NeedsRuntime(sender.clone());
                async move {
                    std::future::pending::<()>().await;
                    drop(guard);
                }
            });
        let bench = Bench::with(config);
        for source in
            ["never()", "await_result(never_async())", "let id = never_async(); cancel_request(id); 1"]
        {
            let mut run = bench.start(source);
            if run.poll().is_pending() {
                run.stop.stop(Stop::Cancelled(CancelReason::Asked));
                assert!(run.poll().is_ready(), "{source}");
            }
            assert_eq!(dropped.try_recv(), Ok(true), "{source}");
        }
    }
}
