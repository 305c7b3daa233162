//! DTLS by OpenSSL that says again what was lost on the way.
//!
//! OpenSSL repeats its last flight where its time has come, but only looks at the time when it is asked to read. The library
//! asks it when a datagram comes. From a client that waits for this side to begin, and of which the first datagram is lost,
//! none ever does. (The library's other way of DTLS keeps time, but takes no clients with certificates of RSA, such as
//! GStreamer's.)

use std::time::{Duration, Instant};

use str0m::config::{CryptoProvider, DtlsCert};
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{
    DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
};

use crate::canonical;

/// How often OpenSSL is asked whether it is time. It waits for a second first, and then longer each time.
const ASKED_EVERY: Duration = Duration::from_millis(250);

/// All that sessions need of cryptography.
pub(crate) fn crypto() -> CryptoProvider {
    CryptoProvider {
        dtls_provider: &Repeating,
        srtp_provider: &canonical::NAMING,
        ..str0m::crypto::from_feature_flags()
    }
}

#[derive(Debug)]
struct Repeating;

impl DtlsProvider for Repeating {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        str0m::crypto::from_feature_flags().dtls_provider.generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        dtls_version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let provider = str0m::crypto::from_feature_flags().dtls_provider;
        let inner = provider.new_dtls(cert, now, dtls_version, mtu)?;
        Ok(Box::new(Handshake { inner, ask: now, has_begun: false, is_connected: false }))
    }
}

/// A connection of which the library does the rest.
#[derive(Debug)]
struct Handshake {
    inner: Box<dyn DtlsInstance>,
    /// When OpenSSL is asked next.
    ask: Instant,
    has_begun: bool,
    is_connected: bool,
}

impl Handshake {
    fn is_under_way(&self) -> bool {
        self.has_begun && !self.is_connected
    }
}

impl DtlsInstance for Handshake {
    fn set_active(&mut self, active: bool) {
        self.has_begun = true;
        self.inner.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.inner.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.inner.poll_output(buf);
        self.is_connected |= matches!(output, DtlsOutput::Connected);
        match output {
            DtlsOutput::Timeout(at) if self.is_under_way() => DtlsOutput::Timeout(at.min(self.ask)),
            output => output,
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        if self.is_under_way() {
            self.ask = now + ASKED_EVERY;
            self.inner.handle_packet(&[])?;
        }
        self.inner.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<(), DtlsImplError> {
        self.inner.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.inner.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.inner.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.inner.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.inner.close()
    }
}
