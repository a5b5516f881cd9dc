use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use futures::StreamExt;
use rhai_dispatcher_gateway::GatewayConfig;
use rhai_dispatcher_gateway_client::{ClientError, Play, TaskEvent};
use tempfile::TempDir;

use crate::support::{More, Site, config, until};

/// A certificate that is its own authority, and its key, in PEM files.
struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    _folder: TempDir,
}

/// When certificates begin and end.
const NOW: [&str; 2] = ["20200101000000Z", "20491231235959Z"];
const LONG_AGO: [&str; 2] = ["20200101000000Z", "20200201000000Z"];

const LOCALHOST: &str = "DNS:localhost,IP:127.0.0.1";

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_go_over_tls_with_certificates_of_ones_own() {
    let own = Certificate::new(LOCALHOST, NOW);
    let site = Site::with(GatewayConfig::default(), own.builder()).await;
    for scheme in ["wss", "https"] {
        let trusting = config().with_root_certificates(&own.certificate);
        let client = site.builder(scheme).config(trusting).connect().await.expect("a client");
        assert_eq!(client.call::<_, i64>("test.add", &(1, 2)).await, Ok(3));
    }
    let config = config().with_root_certificates(own.certificate.with_file_name("none.pem"));
    let error = site.builder("wss").config(config).build().expect_err("no such file");
    assert_eq!(error.field, "root_certificates");
}

/// Each of these fails at the first attempt: the time for all attempts is that of the test.
#[tokio::test(flavor = "multi_thread")]
async fn certificate_that_is_not_trusted_fails_at_once_with_a_way_out() {
    let own = Certificate::new(LOCALHOST, NOW);
    let unknown = Certificate::new(LOCALHOST, NOW);
    let other_name = Certificate::new("DNS:other.example", NOW);
    let expired = Certificate::new(LOCALHOST, LONG_AGO);
    for (certificate, trusted, problem, way_out) in [
        (&own, &unknown, "UnknownIssuer", "root_certificates"),
        (&other_name, &other_name, "other.example", "use a name of the certificate in the URL"),
        (&expired, &expired, "expired", "a new one"),
    ] {
        let site = Site::with(GatewayConfig::default(), certificate.builder()).await;
        for scheme in ["wss", "https"] {
            let config = config().with_root_certificates(&trusted.certificate);
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
    let own = Certificate::new(LOCALHOST, NOW);
    let mut site = Site::with(GatewayConfig::default(), own.builder()).await;
    let trusting = config().with_root_certificates(&own.certificate);
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
    let (own, expired) = (Certificate::new(LOCALHOST, NOW), Certificate::new(LOCALHOST, LONG_AGO));
    let mut site = Site::with(GatewayConfig::default(), expired.builder()).await;
    let trusting = config().with_root_certificates(&own.certificate);
    let client = site.builder("wss").config(trusting).build().expect("a client");
    let error = client.call::<_, i64>("test.add", &(1, 2)).await.expect_err("it has expired");
    assert!(matches!(error, ClientError::Untrusted { .. }), "{error:?}");
    site.stop_gateway().await;
    site.start_gateway(own.builder()).await;
    until("the client connects", || async { client.call::<_, i64>("test.add", &(1, 2)).await == Ok(3) })
        .await;
}

impl Certificate {
    /// One for these names, in the form of `subjectAltName`, from a moment until another.
    fn new(names: &str, [from, until]: [&str; 2]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = format!(
            "[ca]\ndefault_ca=own\n[own]\ndatabase=index\nrand_serial=yes\nnew_certs_dir=.\ndefault_md=sha256\n\
             policy=policy\nx509_extensions=extensions\n[policy]\ncommonName=supplied\n\
             [extensions]\nsubjectAltName={names}\nbasicConstraints=critical,CA:FALSE\n\
             [req]\ndistinguished_name=name\n[name]\n"
        );
        fs::write(folder.path().join("config"), config).expect("written");
        fs::write(folder.path().join("index"), "").expect("written");
        // Two authorities of one name would be taken for one with another key.
        let name = folder.path().file_name().expect("a name").display();
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem";
        openssl(folder.path(), &format!("req -new -config config {key} -subj /CN={name} -out request.pem"));
        let sign =
            "ca -config config -batch -notext -selfsign -keyfile key.pem -in request.pem -out cert.pem";
        openssl(folder.path(), &format!("{sign} -startdate {from} -enddate {until}"));
        Self {
            certificate: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
            _folder: folder,
        }
    }

    /// Gives a gateway this certificate.
    fn builder(&self) -> Box<More> {
        let (certificate, key) = (self.certificate.clone(), self.key.clone());
        Box::new(move |builder| builder.tls(certificate, key))
    }
}

fn openssl(folder: &Path, line: &str) {
    let done = Command::new("openssl").current_dir(folder).args(line.split_whitespace()).output();
    let done = done.expect("openssl is installed");
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
}
