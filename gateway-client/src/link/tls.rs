use std::path::Path;
use std::sync::Arc;

use rhai_dispatcher_core::Invalid;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

/// TLS 1.2 and 1.3 with the certificates of the PEM file `roots`; without one, with those that the system trusts. If TLS is
/// not needed, none are trusted.
///
/// # Errors
/// If the certificates can't be read.
pub(super) fn config(roots: Option<&Path>, is_needed: bool) -> Result<ClientConfig, Invalid> {
    const HINT: &str = "set root_certificates to a PEM file with the certificates to trust";
    let provider = Arc::new(ring::default_provider());
    match roots {
        Some(file) => trusting(&provider, read(file)?),
        None if !is_needed => trusting(&provider, RootCertStore::empty()),
        None => trusting_the_system(&provider).map_err(|error| Invalid::new("url", error.to_string(), HINT)),
    }
}

fn read(file: &Path) -> Result<RootCertStore, Invalid> {
    const HINT: &str = "give a file with PEM certificates";
    let refuse =
        |problem: String| Invalid::new("root_certificates", format!("{}: {problem}", file.display()), HINT);
    let certificates = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = certificates.map_err(|error| refuse(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
    }
    match roots.is_empty() {
        true => Err(refuse("it has no certificate".to_owned())),
        false => Ok(roots),
    }
}

fn trusting(provider: &Arc<CryptoProvider>, roots: RootCertStore) -> Result<ClientConfig, Invalid> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Invalid::new("url", error.to_string(), "use http:// or ws://"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn trusting_the_system(provider: &Arc<CryptoProvider>) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider));
    let builder = builder.with_safe_default_protocol_versions()?.with_platform_verifier()?;
    Ok(builder.with_no_client_auth())
}
