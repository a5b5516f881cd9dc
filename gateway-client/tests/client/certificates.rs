use futures::StreamExt;
use rhai_dispatcher_gateway::GatewayConfig;
use rhai_dispatcher_gateway_client::{ClientError, Play, TaskEvent};
use rhai_dispatcher_test_redis::{Certificates, Validity};

use crate::support::{More, Site, config, until};

/// What a gateway shows, and the authority that has signed it.
struct Shown {
    certificates: Certificates,
}

const LOCALHOST: &str = "DNS:localhost,IP:127.0.0.1";

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_go_over_tls_with_certificates_of_ones_own() {
    let own = Shown::new(LOCALHOST, Validity::Now);
    let site = Site::with(GatewayConfig::default(), own.builder()).await;
    for scheme in ["wss", "https"] {
        let trusting = config().with_root_certificates(own.certificates.ca());
        let client = site.builder(scheme).config(trusting).connect().await.expect("a client");
        assert_eq!(client.call::<_, i64>("test.add", &(1, 2)).await, Ok(3));
    }
    let config = config().with_root_certificates(own.certificates.file("none.pem"));
    let error = site.builder("wss").config(config).build().expect_err("no such file");
    assert_eq!(error.field, "root_certificates");
}

/// Each of these fails at the first attempt: the time for all attempts is that of the test.
#[tokio::test(flavor = "multi_thread")]
async fn certificate_that_is_not_trusted_fails_at_once_with_a_way_out() {
    let own = Shown::new(LOCALHOST, Validity::Now);
    let unknown = Shown::new(LOCALHOST, Validity::Now);
    let other_name = Shown::new("DNS:other.example", Validity::Now);
    let expired = Shown::new(LOCALHOST, Validity::Past);
    for (certificate, trusted, problem, way_out) in [
        (&own, &unknown, "UnknownIssuer", "root_certificates"),
        (&other_name, &other_name, "other.example", "use a name of the certificate in the URL"),
        (&expired, &expired, "expired", "a new one"),
    ] {
        let site = Site::with(GatewayConfig::default(), certificate.builder()).await;
        for scheme in ["wss", "https"] {
            let config = config().with_root_certificates(trusted.certificates.ca());
            let client = site.builder(scheme).config(config).build().expect("a client");
            for _ in 0..2 {
                let error = client.call::<_, i64>("test.add", &(1, 2)).await.expect_err("it is not trusted");
                assert!(matches!(error, ClientError::Untrusted { .. }), "{scheme}: {error:?}");
                let text = error.to_string();
                assert!(text.contains(problem) && text.contains(way_out), "{scheme}: {text}");
                assert!(!error.is_retryable() && !error.may_have_run());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_with_the_same_certificate_is_survived() {
    let own = Shown::new(LOCALHOST, Validity::Now);
    let mut site = Site::with(GatewayConfig::default(), own.builder()).await;
    let trusting = config().with_root_certificates(own.certificates.ca());
    let client = site.builder("wss").config(trusting).connect().await.expect("a client");
    let task = client.play_submit(&Play::new("while true { sleep(0.01) }")).await.expect("a task").task_id;
    let mut events = client.subscribe(task).await.expect("events");
    assert_eq!(events.next().await, Some(Ok(TaskEvent::Started { delivery: 1 })));
    site.stop_gateway().await;
    site.start_gateway(own.builder()).await;
    assert_eq!(client.call::<_, i64>("test.add", &(1, 2)).await, Ok(3));
    client.task_cancel(task).await.expect("an answer");
    let ended = loop {
        let event = events.next().await.expect("its end comes first").expect("no error");
        if let TaskEvent::Ended(details) = event {
            break details;
        }
    };
    assert_eq!(ended.task_id, task);
}

#[tokio::test(flavor = "multi_thread")]
async fn client_connects_once_the_certificate_is_replaced() {
    let (own, expired) = (Shown::new(LOCALHOST, Validity::Now), Shown::new(LOCALHOST, Validity::Past));
    let mut site = Site::with(GatewayConfig::default(), expired.builder()).await;
    let trusting = config().with_root_certificates(own.certificates.ca());
    let client = site.builder("wss").config(trusting).build().expect("a client");
    let error = client.call::<_, i64>("test.add", &(1, 2)).await.expect_err("it has expired");
    assert!(matches!(error, ClientError::Untrusted { .. }), "{error:?}");
    site.stop_gateway().await;
    site.start_gateway(own.builder()).await;
    until("the client connects", || async { client.call::<_, i64>("test.add", &(1, 2)).await == Ok(3) })
        .await;
}

impl Shown {
    /// A certificate for these subjects, by an authority of its own.
    fn new(subjects: &str, validity: Validity) -> Self {
        let certificates = Certificates::new();
        certificates.sign("gateway", subjects, validity);
        Self { certificates }
    }

    /// Gives a gateway this certificate.
    fn builder(&self) -> Box<More> {
        let [certificate, key] = ["gateway.pem", "gateway.key"].map(|name| self.certificates.file(name));
        Box::new(move |builder| builder.tls(certificate, key))
    }
}
