//! The certificate that browsers are shown: that of HTTPS where one is configured, otherwise one made here.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use axum_server::tls_rustls::RustlsConfig;
use jiff::Timestamp;
use quinn::crypto::rustls::QuicServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::self_signed::SelfSigned;

/// What a browser knows the daemon by. Clones are the same.
#[derive(Debug, Clone)]
pub enum Identity {
    /// The certificate of HTTPS, which browsers trust.
    Configured(RustlsConfig),
    /// One that browsers know by its hash.
    SelfSigned(Arc<SelfSigned>),
}

impl Identity {
    /// The certificate that HTTPS has now, whatever that is at any time; or one in the data folder, followed from now on
    /// by a task.
    pub fn new(https: Option<&RustlsConfig>, data: &Path) -> Result<Self> {
        if let Some(https) = https {
            return Ok(Self::Configured(https.clone()));
        }
        let own = Arc::new(SelfSigned::open(data, Timestamp::now())?);
        tokio::spawn(Arc::clone(&own).follow());
        Ok(Self::SelfSigned(own))
    }

    /// SHA-256 hashes, base64, of the certificate in use and of the next one; none where browsers need no hash.
    pub fn hashes(&self) -> Vec<String> {
        match self {
            Self::Configured(_) => Vec::new(),
            Self::SelfSigned(own) => own.hashes(),
        }
    }

    /// The server side of QUIC's TLS. It need not be made again when the certificate changes.
    pub fn tls(&self) -> Result<QuicServerConfig> {
        let resolver: Arc<dyn ResolvesServerCert> = match self {
            Self::Configured(https) => Arc::new(AsHttps(https.clone())),
            Self::SelfSigned(own) => own.clone(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        tls.alpn_protocols = vec![b"h3".to_vec()];
        Ok(tls.try_into()?)
    }
}

/// The certificate that HTTPS shows at the same moment.
#[derive(Debug)]
struct AsHttps(RustlsConfig);

impl ResolvesServerCert for AsHttps {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.get_inner().cert_resolver.resolve(hello)
    }
}
