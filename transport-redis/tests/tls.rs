//! Servers that take TLS only: which certificates the client trusts, and what it is told.

mod support;

use std::time::Duration;

use rhai_dispatcher_core::{Transport, TransportConfig};
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
use rhai_dispatcher_test_redis::{Certificates, RedisServer, Validity};
use support::{open_config, refusal, run_one};

/// Longer than any test: what is told sooner was not told because the time was over.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// An authority, and what it has signed.
fn certificates() -> Certificates {
    let certificates = Certificates::new();
    certificates.sign("server", "DNS:localhost,IP:127.0.0.1", Validity::Now);
    certificates.sign("elsewhere", "DNS:elsewhere.example", Validity::Now);
    certificates.sign("expired", "DNS:localhost,IP:127.0.0.1", Validity::Past);
    certificates.sign("client", "DNS:client", Validity::Now);
    certificates.sign("expired-client", "DNS:client", Validity::Past);
    certificates
}

fn config(server: &RedisServer, certificates: &Certificates) -> RedisConfig {
    let transport = TransportConfig::default().with_lease(Duration::from_secs(600));
    let config = RedisConfig::new(server.url()).with_tls_ca(certificates.ca());
    config.with_call_timeout(CALL_TIMEOUT).with_transport(transport)
}

/// The config with the client's certificate of that name.
fn with_certificate(config: RedisConfig, certificates: &Certificates, name: &str) -> RedisConfig {
    let file = |extension| certificates.file(&format!("{name}.{extension}"));
    config.with_tls_cert(file("pem")).with_tls_key(file("key"))
}

#[test]
fn tasks_run_over_tls_and_a_restart_of_the_server_is_survived() {
    let certificates = certificates();
    let mut server = RedisServer::with_tls(&certificates, "server", &[]);
    let transport = open_config(config(&server, &certificates));
    run_one(&transport);
    server.restart();
    run_one(&transport);
    assert!(transport.health().reconnects > 0);
}

#[test]
fn a_certificate_that_is_not_right_is_told_at_once() {
    let certificates = certificates();
    let server = RedisServer::with_tls(&certificates, "server", &[]);
    let others = Certificates::new();
    for stranger in [config(&server, &certificates).with_tls_ca(others.ca()), RedisConfig::new(server.url())]
    {
        let told = refusal(stranger.with_call_timeout(CALL_TIMEOUT));
        assert!(told.contains("not of an authority that is trusted") && told.contains("tls_ca"), "{told}");
    }
    let told = refusal(config(&server, &certificates).with_tls_server_name("other.example"));
    assert!(told.contains("for another name") && told.contains("tls_server_name"), "{told}");
    let server = RedisServer::with_tls(&certificates, "elsewhere", &[]);
    assert!(refusal(config(&server, &certificates)).contains("for another name"));
    run_one(&open_config(config(&server, &certificates).with_tls_server_name("elsewhere.example")));
    let server = RedisServer::with_tls(&certificates, "expired", &[]);
    let told = refusal(config(&server, &certificates));
    assert!(told.contains("has expired; renew it at the server"), "{told}");
}

#[test]
fn a_server_that_requires_a_certificate_gets_one_or_is_told_of() {
    let certificates = certificates();
    for protocol in ["TLSv1.2", "TLSv1.3"] {
        let args = ["--tls-auth-clients", "yes", "--tls-protocols", protocol];
        let server = RedisServer::with_tls(&certificates, "server", &args);
        run_one(&open_config(with_certificate(config(&server, &certificates), &certificates, "client")));
        let told = refusal(config(&server, &certificates));
        assert!(told.contains("set tls_cert and tls_key"), "{protocol}: {told}");
        let told = refusal(with_certificate(config(&server, &certificates), &certificates, "expired-client"));
        assert!(told.contains("client's certificate"), "{protocol}: {told}");
    }
}

#[test]
fn a_url_of_the_wrong_kind_is_told_of() {
    let certificates = certificates();
    let server = RedisServer::with_tls(&certificates, "server", &[]);
    let plain = RedisConfig::new(server.url().replace("rediss://", "redis://:secret@"));
    let told = refusal(plain.with_call_timeout(CALL_TIMEOUT));
    assert!(told.contains("over TLS; write rediss://") && !told.contains("secret"), "{told}");
    for server in [RedisServer::start(), RedisServer::with(&["--requirepass", "secret"])] {
        let tls =
            RedisConfig::new(server.url().replace("redis://", "rediss://")).with_tls_ca(certificates.ca());
        let told = refusal(tls.with_call_timeout(CALL_TIMEOUT));
        assert!(told.contains("without TLS; write redis://"), "{told}");
    }
}

#[test]
fn files_are_read_when_the_transport_is_made() {
    let certificates = certificates();
    let url = "rediss://localhost/";
    let missing = certificates.file("missing.pem");
    for (config, field) in [
        (RedisConfig::new(url).with_tls_ca(&missing), "tls_ca"),
        (RedisConfig::new(url).with_tls_ca(certificates.file("server.key")), "tls_ca"),
        (RedisConfig::new(url).with_tls_cert(certificates.file("client.pem")), "tls_key"),
        (RedisConfig::new(url).with_tls_key(certificates.file("client.key")), "tls_cert"),
        (with_certificate(RedisConfig::new(url), &certificates, "client").with_tls_key(&missing), "tls_key"),
        (
            with_certificate(RedisConfig::new(url), &certificates, "client")
                .with_tls_key(certificates.file("server.key")),
            "tls_key",
        ),
        (RedisConfig::new(url).with_tls_server_name("two words"), "tls_server_name"),
        (RedisConfig::new("redis://localhost/").with_tls_ca(certificates.ca()), "tls_ca"),
    ] {
        let config = match field {
            // So that the authorities of the system do not matter.
            "tls_ca" | "tls_server_name" => config,
            _ => config.with_tls_ca(certificates.ca()),
        };
        let error = RedisTransport::new(config).expect_err(field);
        assert_eq!(error.field, field, "{error}");
    }
    let path = certificates.ca().display().to_string().replace('/', "%2F");
    let config = RedisConfig::from_url(format!("{url}?tls_ca={path}")).expect("a valid URL");
    assert_eq!(config.tls_ca, Some(certificates.ca()));
    RedisTransport::new(config).expect("the file is read");
}
