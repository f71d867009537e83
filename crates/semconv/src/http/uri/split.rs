//! `urllib.parse.urlparse` and `urlunparse`.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// Schemes whose empty network location `urlunparse` writes.
const USES_NETLOC: [&str; 25] = [
    "ftp", "http", "gopher", "nntp", "telnet", "imap", "wais", "file", "mms", "https", "shttp", "snews", "prospero",
    "rtsp", "rtsps", "rtspu", "rsync", "svn", "svn+ssh", "sftp", "nfs", "git", "git+ssh", "ws", "wss",
];

/// Schemes whose last path segment has parameters.
const USES_PARAMS: [&str; 15] = [
    "", "ftp", "hdl", "prospero", "http", "imap", "https", "shttp", "rtsp", "rtsps", "rtspu", "sip", "sips", "mms",
    "sftp",
];

/// Characters whose compatibility form has a delimiter of a network location in it.
const DISGUISED_DELIMITERS: [char; 19] = [
    '\u{2047}', '\u{2048}', '\u{2049}', '\u{2100}', '\u{2101}', '\u{2105}', '\u{2106}', '\u{2a74}', '\u{fe13}',
    '\u{fe16}', '\u{fe55}', '\u{fe56}', '\u{fe5f}', '\u{fe6b}', '\u{ff03}', '\u{ff0f}', '\u{ff1a}', '\u{ff1f}',
    '\u{ff20}',
];

/// A URL in its parts, the parameters of the last segment as part of the path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SplitUrl<'a> {
    pub(super) scheme: Cow<'a, str>,
    pub(super) netloc: Cow<'a, str>,
    pub(super) path: Cow<'a, str>,
    pub(super) query: Cow<'a, str>,
    pub(super) fragment: Cow<'a, str>,
}

/// Takes a URL apart. `None` stands for Python's `ValueError`.
pub(super) fn split(url: &str) -> Option<SplitUrl<'_>> {
    let url = url.trim_start_matches(|c| c <= ' ');
    if url.contains(['\t', '\r', '\n']) {
        let parts = split_clean(&url.replace(['\t', '\r', '\n'], ""))?.into_owned();
        return Some(parts);
    }
    split_clean(url)
}

fn split_clean(url: &str) -> Option<SplitUrl<'_>> {
    let (scheme, rest) = match url.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
        _ => ("", url),
    };
    let (netloc, rest) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())),
        None => ("", rest),
    };
    if !is_netloc(netloc) {
        return None;
    }
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let scheme = match scheme.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(scheme.to_ascii_lowercase()),
        false => Cow::Borrowed(scheme),
    };
    let path = without_empty_params(&scheme, path);
    Some(SplitUrl { scheme, netloc: netloc.into(), path, query: query.into(), fragment: fragment.into() })
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn is_netloc(netloc: &str) -> bool {
    let brackets_allowed = match (netloc.split_once('['), netloc.contains(']')) {
        (None, false) => true,
        (Some((_, rest)), true) => is_bracketed_host(rest.split(']').next().unwrap_or_default()),
        (Some(_), false) | (None, true) => false,
    };
    brackets_allowed && !netloc.contains(DISGUISED_DELIMITERS)
}

/// An IPv6 address, or the `IPvFuture` of RFC 3986, section 3.2.2.
fn is_bracketed_host(host: &str) -> bool {
    if let Some(future) = host.strip_prefix('v') {
        return future.split_once('.').is_some_and(|(version, address)| {
            !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_hexdigit()) && !address.is_empty()
        });
    }
    let (address, zone) = match host.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (host, None),
    };
    address.parse::<Ipv6Addr>().is_ok() && zone.is_none_or(|zone| !zone.is_empty() && !zone.contains('%'))
}

/// The path, without a semicolon that has no parameters behind it in the last segment.
fn without_empty_params<'a>(scheme: &str, path: &'a str) -> Cow<'a, str> {
    match path.strip_suffix(';') {
        Some(stripped) if USES_PARAMS.contains(&scheme) => {
            let segment = stripped.rsplit('/').next().unwrap_or_default();
            if segment.contains(';') { path.into() } else { stripped.into() }
        }
        _ => path.into(),
    }
}

impl SplitUrl<'_> {
    fn into_owned(self) -> SplitUrl<'static> {
        SplitUrl {
            scheme: self.scheme.into_owned().into(),
            netloc: self.netloc.into_owned().into(),
            path: self.path.into_owned().into(),
            query: self.query.into_owned().into(),
            fragment: self.fragment.into_owned().into(),
        }
    }

    /// Puts the parts together.
    pub(super) fn join(&self) -> String {
        let mut url = String::new();
        if !self.scheme.is_empty() {
            url.push_str(&self.scheme);
            url.push(':');
        }
        let writes_empty_netloc = USES_NETLOC.contains(&&*self.scheme) && !self.path.starts_with("//");
        if !self.netloc.is_empty() || writes_empty_netloc {
            url.push_str("//");
            url.push_str(&self.netloc);
            if !self.path.is_empty() && !self.path.starts_with('/') {
                url.push('/');
            }
        }
        url.push_str(&self.path);
        for (delimiter, part) in [('?', &self.query), ('#', &self.fragment)] {
            if !part.is_empty() {
                url.push(delimiter);
                url.push_str(part);
            }
        }
        url
    }
}
