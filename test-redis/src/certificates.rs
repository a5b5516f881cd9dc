use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An authority in a directory of its own, and the certificates that it has signed. The command `openssl` makes them.
#[derive(Debug)]
pub struct Certificates {
    directory: tempfile::TempDir,
}

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// From 2020 to 2099.
    Now,
    /// In 2020.
    Past,
}

/// Settings of `openssl ca` that have no option.
const CONFIG: &str = "[ca]\ndefault_ca = settings\n[settings]\ndatabase = index.txt\nnew_certs_dir = .\nrand_serial = yes\n\
    default_md = sha256\nunique_subject = no\npolicy = names\ncopy_extensions = copy\n[names]\ncommonName = supplied\n";

/// How a key is made.
const NEW_KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

impl Certificates {
    /// A new authority.
    ///
    /// # Panics
    /// If `openssl` is missing or fails.
    #[must_use]
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("rhai-certificates-").tempdir().expect("a directory");
        let certificates = Self { directory };
        fs::write(certificates.file("ca.conf"), CONFIG).expect("a file");
        fs::write(certificates.file("index.txt"), "").expect("a file");
        // Two authorities of one name would be taken for one with another key.
        let name = certificates.directory().file_name().unwrap_or_default().display();
        certificates.openssl(&format!(
            "req -x509 {NEW_KEY} -keyout ca.key -out ca.pem -days 3650 -subj /CN={name} -addext \
             keyUsage=critical,keyCertSign"
        ));
        certificates
    }

    /// Makes the files `name.pem` and `name.key`, for subjects such as `DNS:localhost,IP:127.0.0.1`.
    ///
    /// # Panics
    /// If `openssl` fails.
    pub fn sign(&self, name: &str, subjects: &str, validity: Validity) {
        self.openssl(&format!(
            "req {NEW_KEY} -keyout {name}.key -out {name}.csr -subj /CN={name} -addext subjectAltName={subjects}"
        ));
        let end = match validity {
            Validity::Now => "20990101000000Z",
            Validity::Past => "20201231000000Z",
        };
        self.openssl(&format!(
            "ca -batch -notext -config ca.conf -cert ca.pem -keyfile ca.key -in {name}.csr -out {name}.pem \
             -startdate 20200101000000Z -enddate {end}"
        ));
    }

    /// The certificate of the authority.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// A file of the directory: `name.pem` or `name.key` of a certificate.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs a command line, whose words have no spaces.
    fn openssl(&self, line: &str) {
        let made =
            Command::new("openssl").args(line.split_whitespace()).current_dir(self.directory()).output();
        let made = made.expect("openssl is there; install the package openssl");
        assert!(made.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&made.stderr));
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}
