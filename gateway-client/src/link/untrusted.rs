use std::error::Error;
use std::io;

use rustls::CertificateError;

use crate::error::ClientError;

/// The error of a call, if another error means that the certificate of the other end is not trusted: to connect again leads to
/// the same, until one of the ends is changed.
pub(super) fn untrusted(error: &(dyn Error + 'static)) -> Option<ClientError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(rustls::Error::InvalidCertificate(problem)) = error.downcast_ref() {
            let reason = format!("{problem}; {}", way_out(problem));
            return Some(ClientError::Untrusted { reason });
        }
        // An I/O error does not name what it wraps as its source.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = wrapped.map_or_else(|| error.source(), |wrapped| Some(wrapped));
    }
    None
}

fn way_out(problem: &CertificateError) -> &'static str {
    match problem {
        CertificateError::UnknownIssuer => {
            "set root_certificates to a PEM file with its authority, or with itself if it has none"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "use a name of the certificate in the URL, or a certificate with the name of the URL"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "give the gateway a new one",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "compare the clocks of both machines"
        }
        _ => "give the gateway another one",
    }
}
