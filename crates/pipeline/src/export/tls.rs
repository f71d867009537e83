//! TLS: whom to trust and who we are, from PEM files. Without any, Mozilla's roots (as Python's `requests`).

mod connector;
mod extensions;
mod verifier;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::environment;
use crate::export::{OtlpArguments, Signal};

pub(super) use connector::TlsConnector;

/// What names a file, for the log, and the file.
type Source = (&'static str, PathBuf);

/// Whom an exporter trusts, and who it is. A fork finds no lock in it: each exporter makes its own [`ClientConfig`].
#[derive(Clone, Default)]
pub(super) struct TlsSettings {
    /// The certificates that were named as trusted; `None` for Mozilla's roots.
    trusted: Option<Arc<[CertificateDer<'static>]>>,
    /// The client's certificate chain and private key.
    client: Option<Arc<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>>,
}

impl TlsSettings {
    /// The settings of a signal: an argument, else the signal's variable, else the general one. A file that cannot be
    /// used is an error: to go on without it would trust others than the ones that were asked for.
    pub(super) fn resolve(signal: Signal, arguments: &OtlpArguments) -> Result<Self, String> {
        let variables = signal.variables();
        let source = |argument: &Option<PathBuf>, argument_name, names: &[&'static str]| match argument {
            Some(path) => Some((argument_name, path.clone())),
            None => environment::first_of(names).map(|(name, path)| (name, PathBuf::from(path))),
        };
        let [own, general] = variables.certificate;
        // The last two are those that `requests` reads.
        let trusted = source(
            &arguments.certificate_file,
            "the argument certificate_file",
            &[own, general, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
        );
        let certificate = source(
            &arguments.client_certificate_file,
            "the argument client_certificate_file",
            &variables.client_certificate,
        );
        let key = source(&arguments.client_key_file, "the argument client_key_file", &variables.client_key);
        let trusted = trusted.as_ref().map(trusted_certificates).transpose()?;
        let client =
            certificate.as_ref().map(|certificate| client_certificate(certificate, key.as_ref())).transpose()?;
        let settings = Self { trusted: trusted.map(Arc::from), client: client.map(Arc::new) };
        match (settings.client_config(), certificate) {
            (Err(error), Some((name, path))) => Err(format!(
                "{name} names {}, which cannot be used with its private key: {error}; expected a PEM certificate and \
                 the key that belongs to it",
                path.display()
            )),
            (Err(error), None) => Err(format!("TLS cannot be set up: {error}")),
            (Ok(_), _) => Ok(settings),
        }
    }

    /// What connections are made with. It keeps sessions behind a lock, so it belongs to one process.
    fn client_config(&self) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        match &self.trusted {
            // What is no certificate of an authority, by its form, is left out.
            Some(trusted) => drop(roots.add_parsable_certificates(trusted.iter().cloned())),
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        let builder =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let builder = match &self.trusted {
            Some(trusted) if !roots.is_empty() => {
                let verifier = verifier::NamedOrSigned::new(Arc::clone(trusted), roots, provider)?;
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
            }
            _ => builder.with_root_certificates(roots),
        };
        match self.client.as_deref() {
            Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key()),
            None => Ok(builder.with_no_client_auth()),
        }
    }
}

/// What to do about a connection that TLS has refused.
pub(super) fn advice(error: &rustls::Error) -> &'static str {
    use rustls::{CertificateError as Certificate, Error, InvalidMessage};
    match error {
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "what answers there does not speak TLS: is the endpoint an http:// URL?"
        }
        Error::InvalidCertificate(Certificate::UnknownIssuer | Certificate::BadSignature | Certificate::Other(_)) => {
            "name the certificate of its authority in OTEL_EXPORTER_OTLP_CERTIFICATE"
        }
        Error::InvalidCertificate(Certificate::NotValidForName | Certificate::NotValidForNameContext { .. }) => {
            "the certificate is another host's: name its host in the endpoint"
        }
        Error::InvalidCertificate(_) => "the collector needs another certificate",
        Error::AlertReceived(_) => "does it ask for a certificate (OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE)?",
        _ => "check the endpoint and what TLS the collector speaks",
    }
}

impl fmt::Debug for TlsSettings {
    /// Without the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TlsSettings")
    }
}

fn trusted_certificates(source: &Source) -> Result<Vec<CertificateDer<'static>>, String> {
    let (certificates, _) = read(source)?;
    if certificates.is_empty() {
        return Err(format!("{} names {}, which holds no PEM certificate", source.0, source.1.display()));
    }
    Ok(certificates)
}

/// The key stands in a file of its own or in that of the certificate.
fn client_certificate(source: &Source, key: Option<&Source>) -> Result<Pem<PrivateKeyDer<'static>>, String> {
    let (chain, own_key) = read(source)?;
    let key = match key {
        Some(key) => read(key)?.1,
        None => own_key,
    };
    match key {
        Some(key) if !chain.is_empty() => Ok((chain, key)),
        _ => Err(format!(
            "{} names {}; expected a PEM certificate there, and its private key there or in the client key file",
            source.0,
            source.1.display()
        )),
    }
}

type Pem<Key> = (Vec<CertificateDer<'static>>, Key);

fn read((name, path): &Source) -> Result<Pem<Option<PrivateKeyDer<'static>>>, String> {
    let failed = |error: String| format!("{name} names {}, which cannot be read: {error}", path.display());
    let text = fs::read(bundle(path)).map_err(|error| failed(error.to_string()))?;
    let mut certificates = Vec::new();
    let mut key = None;
    for item in <(SectionKind, Vec<u8>) as PemObject>::pem_slice_iter(&text) {
        let (kind, der) = item.map_err(|error: pem::Error| failed(error.to_string()))?;
        match kind {
            SectionKind::Certificate => certificates.push(CertificateDer::from(der)),
            SectionKind::RsaPrivateKey => key = Some(PrivateKeyDer::Pkcs1(der.into())),
            SectionKind::PrivateKey => key = Some(PrivateKeyDer::Pkcs8(der.into())),
            SectionKind::EcPrivateKey => key = Some(PrivateKeyDer::Sec1(der.into())),
            _ => {}
        }
    }
    Ok((certificates, key))
}

/// `requests` takes a directory too, in OpenSSL's hashed layout; of the usual ones, the bundle beside it is the same.
fn bundle(path: &Path) -> PathBuf {
    let beside = path.join("ca-certificates.crt");
    if path.is_dir() && beside.is_file() { beside } else { path.to_owned() }
}
