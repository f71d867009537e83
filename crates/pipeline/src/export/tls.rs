//! TLS: whom to trust and who we are, from PEM files. Without any, Mozilla's roots (as Python's `requests`).

use std::fs;
use std::path::{Path, PathBuf};

use ureq::tls::{ClientCert, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::environment;
use crate::export::Signal;

/// The PEM files, read when the first connection is made.
#[derive(Clone, Debug, Default)]
pub(super) struct TlsFiles {
    /// Certificates of authorities, trusted instead of the built-in ones.
    roots: Option<(&'static str, PathBuf)>,
    /// The client's certificate chain.
    client_certificate: Option<(&'static str, PathBuf)>,
    /// The client's key; without it, the key stands in the file of the certificate.
    client_key: Option<(&'static str, PathBuf)>,
}

impl TlsFiles {
    pub(super) fn from_environment(signal: Signal) -> Self {
        let variables = signal.variables();
        let file =
            |names: &[&'static str]| environment::first_of(names).map(|(name, path)| (name, PathBuf::from(path)));
        let [own, general] = variables.certificate;
        Self {
            roots: file(&[own, general, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]),
            client_certificate: file(&variables.client_certificate),
            client_key: file(&variables.client_key),
        }
    }

    /// The configuration. A file that cannot be used is an error: to go on without it would trust others than the
    /// ones that were asked for.
    pub(super) fn load(&self) -> Result<TlsConfig, String> {
        let mut config = TlsConfig::builder();
        if let Some(source) = &self.roots {
            let (certificates, _) = read(source)?;
            if certificates.is_empty() {
                return Err(format!("{} names {}, which holds no PEM certificate", source.0, source.1.display()));
            }
            config = config.root_certs(RootCerts::new_with_certs(&certificates));
        }
        if let Some(source) = &self.client_certificate {
            let (chain, own_key) = read(source)?;
            let key = match &self.client_key {
                Some(source) => read(source)?.1,
                None => own_key,
            };
            match key {
                Some(key) if !chain.is_empty() => {
                    config = config.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
                }
                _ => {
                    let message =
                        "expected a PEM certificate there and its private key there or in the client key file";
                    return Err(format!("{} names {}; {message}", source.0, source.1.display()));
                }
            }
        }
        Ok(config.build())
    }
}

type Pem = (Vec<ureq::tls::Certificate<'static>>, Option<ureq::tls::PrivateKey<'static>>);

fn read((variable, path): &(&'static str, PathBuf)) -> Result<Pem, String> {
    let failed = |error: String| format!("{variable} names {}, which cannot be read: {error}", path.display());
    let pem = fs::read(bundle(path)).map_err(|error| failed(error.to_string()))?;
    let mut certificates = Vec::new();
    let mut key = None;
    for item in parse_pem(&pem) {
        match item.map_err(|error| failed(error.to_string()))? {
            PemItem::Certificate(certificate) => certificates.push(certificate),
            PemItem::PrivateKey(private) => key = Some(private),
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
