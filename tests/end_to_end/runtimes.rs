//! The ways to drive futures.

use std::future::Future;
use std::pin::Pin;

/// One way to drive a future to its end.
pub(crate) struct Runtime {
    pub(crate) name: &'static str,
    block_on: fn(Pin<Box<dyn Future<Output = ()> + Send>>),
}

pub(crate) static RUNTIMES: [Runtime; 4] = [
    Runtime { name: "no_runtime", block_on: |case| futures::executor::block_on(case) },
    Runtime { name: "smol", block_on: |case| smol::block_on(smol::spawn(case)) },
    Runtime {
        name: "tokio_current_thread",
        block_on: |case| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(case);
        },
    },
    Runtime {
        name: "tokio_multi_thread",
        block_on: |case| {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            // Spawned, so that it runs on the pool and not on the thread that blocks.
            runtime.block_on(async { tokio::spawn(case).await.unwrap() });
        },
    },
];

impl Runtime {
    pub(crate) fn drive(&self, case: impl Future<Output = ()> + Send + 'static) {
        (self.block_on)(Box::pin(case));
    }
}
