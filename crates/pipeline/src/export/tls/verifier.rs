//! Whom to trust where certificates were named.
//!
//! As OpenSSL, and so `requests`: the authorities among them and what they have signed, and a server that shows one of
//! the named certificates itself, whatever its basic constraints say (`openssl req -x509` makes one that may sign
//! others). `webpki` knows the former alone: to it a certificate is an authority's or a server's.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::extensions;

#[derive(Debug)]
pub(super) struct NamedOrSigned {
    named: Arc<[CertificateDer<'static>]>,
    signed: Arc<WebPkiServerVerifier>,
}

impl NamedOrSigned {
    /// `roots` are those of `named` that can be authorities; there is at least one.
    pub(super) fn new(
        named: Arc<[CertificateDer<'static>]>,
        roots: RootCertStore,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let signed = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| Error::General(error.to_string()))?;
        Ok(Self { named, signed })
    }
}

impl ServerCertVerifier for NamedOrSigned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let refused = match self.signed.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(refused)) => refused,
            outcome => return outcome,
        };
        if !self.named.iter().any(|named| named == end_entity) || !says_nothing_but_who_signed(&refused) {
            return Err(refused.into());
        }
        // That it is valid now was looked at before its constraints and its issuer. What was not, is here.
        if !extensions::may_be_a_server(end_entity) {
            return Err(CertificateError::InvalidPurpose.into());
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

/// Whether a certificate was refused for nothing but what naming it answers: that it may sign others, or that its issuer
/// is not known.
fn says_nothing_but_who_signed(refused: &CertificateError) -> bool {
    match refused {
        CertificateError::UnknownIssuer => true,
        CertificateError::Other(error) => {
            matches!(error.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}
