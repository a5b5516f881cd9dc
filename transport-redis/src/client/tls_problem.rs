/// What an error of TLS means that does not pass by itself, and the way out. `details` is the debug form of rustls' error,
/// which is all that fred has of it.
///
/// `None` for others: a connection that was lost in its handshake may be made again.
pub(super) fn tls_problem(details: &str) -> Option<&'static str> {
    MEANINGS.iter().find(|(sign, _)| details.contains(sign)).map(|(_, meaning)| *meaning)
}

/// Whether an error shows that the server speaks TLS: it has sent a certificate or an alert.
pub(super) fn is_of_tls(details: &str) -> bool {
    details.contains("InvalidCertificate(") || details.contains("AlertReceived(")
}

/// Signs in the debug form, and what they mean; the general ones last.
const MEANINGS: &[(&str, &str)] = &[
    ("InvalidCertificate(UnknownIssuer", NOT_TRUSTED),
    // Another authority of the same name.
    ("InvalidCertificate(BadSignature", NOT_TRUSTED),
    (
        "InvalidCertificate(NotValidForName",
        "the server's certificate is for another name; connect by a name that is in it, or set tls_server_name to one",
    ),
    ("InvalidCertificate(Expired", "the server's certificate has expired; renew it at the server"),
    (
        "InvalidCertificate(NotValidYet",
        "the server's certificate is not valid yet; check the clocks of both machines",
    ),
    (
        "CaUsedAsEndEntity",
        "the server's certificate is that of an authority; give the server one that its authority has signed",
    ),
    ("InvalidCertificate(Revoked", "the server's certificate was revoked; renew it at the server"),
    (
        "InvalidCertificate(",
        "the server's certificate can't be accepted; check it with `openssl s_client -connect HOST:PORT`",
    ),
    ("AlertReceived(CertificateRequired", NO_CLIENT_CERTIFICATE),
    (
        "AlertReceived(UnknownCA",
        "the server does not know the authority of the client's certificate; set tls_cert and tls_key to one that it knows",
    ),
    ("AlertReceived(CertificateExpired", "the client's certificate has expired; renew the file of tls_cert"),
    ("AlertReceived(CertificateRevoked", "the client's certificate was revoked; renew the file of tls_cert"),
    ("AlertReceived(BadCertificate", REFUSED_CLIENT_CERTIFICATE),
    ("AlertReceived(UnsupportedCertificate", REFUSED_CLIENT_CERTIFICATE),
    ("AlertReceived(CertificateUnknown", REFUSED_CLIENT_CERTIFICATE),
    ("AlertReceived(DecryptError", REFUSED_CLIENT_CERTIFICATE),
    ("AlertReceived(AccessDenied", REFUSED_CLIENT_CERTIFICATE),
    // TLS 1.2 has no alert of its own for a certificate that is missing.
    (
        "AlertReceived(HandshakeFailure",
        "the server accepts none of the client's ciphers, or requires a certificate: set tls_cert and tls_key",
    ),
    (
        "AlertReceived(ProtocolVersion",
        "the server takes only versions of TLS before 1.2; allow TLS 1.2 or 1.3 at the server",
    ),
    (
        "PeerIncompatible(",
        "the server takes no version or cipher of TLS that is safe; allow TLS 1.2 or 1.3 at the server",
    ),
];

const NOT_TRUSTED: &str = "the server's certificate is not of an authority that is trusted here; name the PEM file of its authority with tls_ca";
const NO_CLIENT_CERTIFICATE: &str =
    "the server requires a certificate of the client; set tls_cert and tls_key";
const REFUSED_CLIENT_CERTIFICATE: &str =
    "the server refuses the client's certificate; set tls_cert and tls_key to one that it accepts";

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription, CertificateError, Error};

    use super::*;

    #[test]
    fn errors_that_stay_have_a_meaning() {
        for (error, says) in [
            (Error::InvalidCertificate(CertificateError::UnknownIssuer), "tls_ca"),
            (Error::InvalidCertificate(CertificateError::Expired), "expired"),
            (Error::InvalidCertificate(CertificateError::NotValidForName), "tls_server_name"),
            (Error::InvalidCertificate(CertificateError::BadSignature), "tls_ca"),
            (Error::InvalidCertificate(CertificateError::BadEncoding), "openssl"),
            (Error::AlertReceived(AlertDescription::CertificateRequired), "requires a certificate"),
            (Error::AlertReceived(AlertDescription::UnknownCA), "does not know the authority"),
        ] {
            let details = format!("{:?}", std::io::Error::new(std::io::ErrorKind::InvalidData, error));
            assert!(tls_problem(&details).is_some_and(|meaning| meaning.contains(says)), "{details}");
            assert!(is_of_tls(&details), "{details}");
        }
        for passing in ["Kind(UnexpectedEof)", "Os { code: 104, kind: ConnectionReset }"] {
            assert_eq!(tls_problem(passing), None);
        }
    }
}
