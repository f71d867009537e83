//! TLS: whom to trust and who we are, from PEM files. Without any, Mozilla's roots (as Python's `requests`).

use std::fs;
use std::path::{Path, PathBuf};

use ureq::tls::{ClientCert, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::environment;
use crate::export::Signal;

/// A variable and the file that it names.
type Source = (&'static str, PathBuf);

/// The configuration of a signal. A file that cannot be used is an error: to go on without it would trust others than
/// the ones that were asked for.
pub(super) fn from_environment(signal: Signal) -> Result<TlsConfig, String> {
    let variables = signal.variables();
    let source = |names: &[&'static str]| environment::first_of(names).map(|(name, path)| (name, PathBuf::from(path)));
    let [own, general] = variables.certificate;
    let mut config = TlsConfig::builder();
    // The last two are those that `requests` reads.
    if let Some(roots) = source(&[own, general, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]) {
        config = config.root_certs(root_certificates(&roots)?);
    }
    if let Some(certificate) = source(&variables.client_certificate) {
        config = config.client_cert(Some(client_certificate(&certificate, source(&variables.client_key).as_ref())?));
    }
    Ok(config.build())
}

fn root_certificates(source: &Source) -> Result<RootCerts, String> {
    let (certificates, _) = read(source)?;
    if certificates.is_empty() {
        return Err(format!("{} names {}, which holds no PEM certificate", source.0, source.1.display()));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

/// The key stands in a file of its own or in that of the certificate.
fn client_certificate(source: &Source, key: Option<&Source>) -> Result<ClientCert, String> {
    let (chain, own_key) = read(source)?;
    let key = match key {
        Some(key) => read(key)?.1,
        None => own_key,
    };
    match key {
        Some(key) if !chain.is_empty() => Ok(ClientCert::new_with_certs(&chain, key)),
        _ => Err(format!(
            "{} names {}; expected a PEM certificate there, and its private key there or in the client key file",
            source.0,
            source.1.display()
        )),
    }
}

type Pem = (Vec<ureq::tls::Certificate<'static>>, Option<ureq::tls::PrivateKey<'static>>);

fn read((variable, path): &Source) -> Result<Pem, String> {
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
