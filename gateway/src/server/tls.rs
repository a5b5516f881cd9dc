use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why the files of TLS can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}", path = path.display())]
pub struct TlsError {
    /// The file.
    path: PathBuf,
    /// What is wrong with it, and what it has to have.
    problem: String,
}

/// TLS 1.2 and 1.3 with the certificates of one PEM file, that of the server first, and the private key of another.
///
/// # Errors
/// If a file can't be read, or does not have what it should, or the key is not that of the certificate.
pub(crate) fn tls_acceptor(certificates: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let refuse = |path: &Path, problem: String| TlsError { path: path.to_owned(), problem };
    let chain = CertificateDer::pem_file_iter(certificates).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain =
        chain.map_err(|error| refuse(certificates, format!("{error}; it has to have PEM certificates")))?;
    if chain.is_empty() {
        return Err(refuse(certificates, "it has no certificate; put that of the server first".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key);
    let private =
        private.map_err(|error| refuse(key, format!("{error}; it has to have a PEM private key")))?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private));
    let mut config = config.map_err(|error| refuse(key, error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
