use std::path::Path;
use std::sync::Arc;

use fred::types::config::{TlsConfig, TlsConnector};
use rhai_dispatcher_core::Invalid;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::config::RedisConfig;

/// TLS 1.2 and 1.3 with the files of a config.
///
/// # Errors
/// The first setting whose file can't be read, or does not have what it should.
pub(super) fn tls(config: &RedisConfig) -> Result<TlsConfig, Invalid> {
    if let Some(name) = &config.tls_server_name
        && ServerName::try_from(name.as_str()).is_err()
    {
        return Err(Invalid::new(
            "tls_server_name",
            "is not a DNS name or IP address",
            "write it as the certificate has it",
        ));
    }
    let builder = builder()?;
    let builder = match &config.tls_ca {
        Some(file) => builder.with_root_certificates(roots(file)?),
        None => builder.with_platform_verifier().map_err(|error| {
            let problem = format!("is missing, and this system trusts no authorities: {error}");
            Invalid::new(
                "tls_ca",
                problem,
                "name a PEM file with the certificates of the authorities to trust",
            )
        })?,
    };
    let client = match (&config.tls_cert, &config.tls_key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(cert), Some(key)) => builder
            .with_client_auth_cert(certificates("tls_cert", cert)?, private_key(key)?)
            .map_err(|error| refuse("tls_key", key, &format!("does not go with tls_cert: {error}")))?,
        (Some(_), None) => return Err(missing("tls_key", "tls_cert")),
        (None, Some(_)) => return Err(missing("tls_cert", "tls_key")),
    };
    Ok(TlsConnector::from(client).into())
}

/// TLS that trusts no authority: to find out whether a server speaks it.
pub(super) fn tls_without_trust() -> Option<TlsConfig> {
    let builder = builder().ok()?.with_root_certificates(RootCertStore::empty());
    Some(TlsConnector::from(builder.with_no_client_auth()).into())
}

/// Refuses the settings of TLS: the URL does without.
pub(super) fn refuse_settings(config: &RedisConfig) -> Result<(), Invalid> {
    let RedisConfig { tls_ca, tls_cert, tls_key, tls_server_name, .. } = config;
    for (field, is_set) in [
        ("tls_ca", tls_ca.is_some()),
        ("tls_cert", tls_cert.is_some()),
        ("tls_key", tls_key.is_some()),
        ("tls_server_name", tls_server_name.is_some()),
    ] {
        if is_set {
            let problem = "is a setting of TLS, which the URL does not use";
            return Err(Invalid::new(
                field,
                problem,
                "write rediss:// or rediss-sentinel://, or leave it out",
            ));
        }
    }
    Ok(())
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, Invalid> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    builder
        .with_safe_default_protocol_versions()
        .map_err(|error| Invalid::new("redis_url", error.to_string(), "use a server without TLS"))
}

fn roots(file: &Path) -> Result<RootCertStore, Invalid> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("tls_ca", file)? {
        roots.add(certificate).map_err(|error| refuse("tls_ca", file, &error.to_string()))?;
    }
    Ok(roots)
}

fn certificates(field: &'static str, file: &Path) -> Result<Vec<CertificateDer<'static>>, Invalid> {
    let certificates = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = certificates.map_err(|error| refuse(field, file, &error.to_string()))?;
    if certificates.is_empty() {
        return Err(refuse(field, file, "has no certificate"));
    }
    Ok(certificates)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, Invalid> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| refuse("tls_key", file, &error.to_string()))
}

fn refuse(field: &'static str, file: &Path, problem: &str) -> Invalid {
    let hint = match field {
        "tls_key" => "name a PEM file with the private key of tls_cert, without a passphrase",
        _ => "name a PEM file with certificates",
    };
    Invalid::new(field, format!("{}: {problem}", file.display()), hint)
}

fn missing(field: &'static str, other: &str) -> Invalid {
    Invalid::new(field, format!("is missing beside {other}"), "set both of them, or neither")
}
