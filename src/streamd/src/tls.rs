//! HTTPS by a certificate from files, taken again when the files change.
//!
//! The files are read every few seconds and compared by content: that sees every way of replacing them (renames,
//! symbolic links to a new folder, mounted secrets) on every file system, and two small reads cost nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How often the files are looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Why a certificate cannot be used. The messages name files, never what is in them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate file is not one.
    #[error("{} holds no certificate in PEM", .0.display())]
    NoCertificate(PathBuf),
    /// The key file is not one.
    #[error("{} holds no private key in PEM", .0.display())]
    NoKey(PathBuf),
    /// The two do not make a server.
    #[error("the certificate in {} cannot be used with the key in {}: {source}", certificate.display(), key.display())]
    Mismatch {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
}

/// The server side of TLS with the certificate chain and the key in these files.
pub fn load(certificate: &Path, key: &Path) -> Result<ServerConfig, Error> {
    Files::read(certificate, key)?.server()
}

/// What stands in the two files at one moment.
#[derive(PartialEq, Eq)]
struct Files {
    certificate: (PathBuf, Vec<u8>),
    key: (PathBuf, Vec<u8>),
}

impl Files {
    fn read(certificate: &Path, key: &Path) -> Result<Self, Error> {
        let read = |path: &Path| match std::fs::read(path) {
            Ok(content) => Ok((path.to_owned(), content)),
            Err(source) => Err(Error::Unreadable { path: path.to_owned(), source }),
        };
        Ok(Self { certificate: read(certificate)?, key: read(key)? })
    }

    fn server(&self) -> Result<ServerConfig, Error> {
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(&self.certificate.1).filter_map(Result::ok).collect();
        if chain.is_empty() {
            return Err(Error::NoCertificate(self.certificate.0.clone()));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key.1).map_err(|_| Error::NoKey(self.key.0.clone()))?;
        let mismatch = |source| Error::Mismatch {
            certificate: self.certificate.0.clone(),
            key: self.key.0.clone(),
            source,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(mismatch)?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(server)
    }
}

/// A certificate in use: what connections take, and the files that it came from.
pub struct Certificate {
    /// What the HTTPS server takes new connections by.
    pub config: RustlsConfig,
    taken: Files,
}

impl Certificate {
    /// The certificate in these files.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self, Error> {
        let taken = Files::read(certificate, key)?;
        let config = RustlsConfig::from_config(Arc::new(taken.server()?));
        Ok(Self { config, taken })
    }

    /// Follows the files, for as long as it is polled.
    pub async fn follow(mut self) {
        let mut ticks = tokio::time::interval(LOOK_AGAIN);
        let mut last_said = String::new();
        loop {
            ticks.tick().await;
            match self.look() {
                Ok(false) => last_said.clear(),
                Ok(true) => tracing::info!("the new certificate is in use"),
                // Said once for each new thing that is wrong, not every few seconds.
                Err(error) if error.to_string() == last_said => {}
                Err(error) => {
                    tracing::error!("the old certificate stays in use: {error}");
                    last_said = error.to_string();
                }
            }
        }
    }

    /// Takes what the files hold now, if that is something else; says whether it is.
    fn look(&mut self) -> Result<bool, Error> {
        let now = Files::read(&self.taken.certificate.0, &self.taken.key.0)?;
        if now == self.taken {
            return Ok(false);
        }
        self.config.reload_from_config(Arc::new(now.server()?));
        self.taken = now;
        Ok(true)
    }
}
