//! A server that does not take the library of functions. What a transport logs is logged on its own thread, so the
//! subscriber is that of the process, and this file is one test.

mod support;

use std::fmt;
use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use rhai_dispatcher_core::{Transport, TransportExt};
use rhai_dispatcher_test_redis::RedisServer;
use support::{attach, open, task, worker};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// The messages of all errors.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Errors {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::ERROR {
            event.record(&mut self.clone());
        }
    }
}

impl Visit for Errors {
    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        self.0.lock().expect("no panic").push(format!("{value:?}"));
    }
}

#[test]
fn a_library_that_the_server_does_not_take_is_one_error_and_scripts_take_its_place() {
    let errors = Errors::default();
    let subscriber = tracing_subscriber::registry().with(errors.clone());
    tracing::subscriber::set_global_default(subscriber).expect("the first one");
    let server = RedisServer::start();
    let mut redis = redis::Client::open(server.url()).expect("a URL").get_connection().expect("a connection");
    // A function of another library has the name of one of ours, which is loaded here for its name.
    block_on(open(&server).queue(&worker())).expect("an answer");
    let list: Vec<Vec<redis::Value>> = redis::cmd("FUNCTION")
        .arg("LIST")
        .arg("LIBRARYNAME")
        .arg("rhai_*")
        .query(&mut redis)
        .expect("a list");
    let name: String = redis::from_redis_value(list[0][1].clone()).expect("a name");
    redis::cmd("FUNCTION").arg("DELETE").arg(&name).exec(&mut redis).expect("it is deleted");
    let other = format!("#!lua name=other\nredis.register_function('{name}_pause', function() return 1 end)");
    redis::cmd("FUNCTION").arg("LOAD").arg(other).exec(&mut redis).expect("it is loaded");

    let transport = open(&server);
    let _consumer = attach(&transport);
    for _ in 0..3 {
        block_on(transport.submit_one(task())).expect("accepted");
    }
    let all = errors.0.lock().expect("no panic").clone();
    assert_eq!(all.len(), 1, "{all:?}");
    let says = [&*format!("does not take the function library {name}"), "already exists"];
    assert!(says.iter().all(|says| all[0].contains(says)), "{all:?}");
}
