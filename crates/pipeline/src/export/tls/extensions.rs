//! What a certificate says that it may be used for: the extensions `keyUsage` and `extendedKeyUsage` (RFC 5280, sections
//! 4.2.1.3 and 4.2.1.12). Nothing in the TLS library reads them of a certificate that it does not accept.

/// DER tags.
const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
/// `TBSCertificate.extensions`
const EXTENSIONS: u8 = 0xa3;

/// `id-ce-keyUsage`, 2.5.29.15
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
/// `id-ce-extKeyUsage`, 2.5.29.37
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// `id-kp-serverAuth`, 1.3.6.1.5.5.7.3.1
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
/// `digitalSignature`, `keyEncipherment`, `keyAgreement`: what OpenSSL wants one of.
const FOR_TLS: u8 = 0b1010_1000;

/// Whether a certificate may be a TLS server's. One without the extensions may be anything; one that cannot be read,
/// nothing.
pub(super) fn may_be_a_server(certificate: &[u8]) -> bool {
    allows_a_server(certificate).unwrap_or(false)
}

/// `None` if it cannot be read.
fn allows_a_server(certificate: &[u8]) -> Option<bool> {
    let mut certificate = Reader(Reader(certificate).expect(SEQUENCE)?);
    let mut fields = Reader(certificate.expect(SEQUENCE)?);
    while let Some((tag, field)) = fields.next()? {
        if tag != EXTENSIONS {
            continue;
        }
        let mut extensions = Reader(Reader(field).expect(SEQUENCE)?);
        while let Some((_, extension)) = extensions.next()? {
            let mut extension = Reader(extension);
            let name = extension.expect(OBJECT_IDENTIFIER)?;
            let mut value = extension.next()?;
            // Whether it is critical may stand between.
            while let Some((tag, _)) = value
                && tag != OCTET_STRING
            {
                value = extension.next()?;
            }
            if !extension_allows_a_server(name, value?.1)? {
                return Some(false);
            }
        }
    }
    Some(true)
}

fn extension_allows_a_server(name: &[u8], value: &[u8]) -> Option<bool> {
    if name == KEY_USAGE {
        // The first octet says how many bits of the last one are unused.
        let bits = Reader(value).expect(BIT_STRING)?;
        Some(bits.get(1).is_some_and(|first| first & FOR_TLS != 0))
    } else if name == EXTENDED_KEY_USAGE {
        let mut purposes = Reader(Reader(value).expect(SEQUENCE)?);
        while let Some((_, purpose)) = purposes.next()? {
            if purpose == SERVER_AUTH {
                return Some(true);
            }
        }
        Some(false)
    } else {
        Some(true)
    }
}

/// Elements of DER, one after the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Tag and content of the next element: `Some(None)` at the end, `None` if it cannot be read.
    fn next(&mut self) -> Option<Option<(u8, &'a [u8])>> {
        let [tag, length, rest @ ..] = self.0 else {
            return self.0.is_empty().then_some(None);
        };
        let (length, rest) = match *length {
            short @ 0..=0x7f => (usize::from(short), rest),
            long => {
                let (octets, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
                // A certificate is shorter than what four octets can say, and has a length.
                if octets.is_empty() || octets.len() > 4 {
                    return None;
                }
                let length = octets
                    .iter()
                    .try_fold(0_usize, |length, octet| length.checked_mul(256)?.checked_add(usize::from(*octet)))?;
                (length, rest)
            }
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Some((*tag, content)))
    }

    /// The content of the next element, if it has that tag.
    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next()?.filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let head = match u8::try_from(length) {
            Ok(short @ 0..=0x7f) => vec![tag, short],
            _ => vec![tag, 0x82, (length >> 8) as u8, (length & 0xff) as u8],
        };
        [head, content.to_vec()].concat()
    }

    fn certificate(extensions: &[(&[u8], Vec<u8>)]) -> Vec<u8> {
        let extension = |(name, value): &(&[u8], Vec<u8>)| {
            let critical = element(0x01, &[0xff]);
            element(SEQUENCE, &[element(OBJECT_IDENTIFIER, name), critical, element(OCTET_STRING, value)].concat())
        };
        let extensions = extensions.iter().flat_map(extension).collect::<Vec<_>>();
        let filler = element(0x02, &[7; 300]);
        let fields = [filler, element(EXTENSIONS, &element(SEQUENCE, &extensions))].concat();
        element(SEQUENCE, &element(SEQUENCE, &fields))
    }

    fn key_usage(bits: u8) -> (&'static [u8], Vec<u8>) {
        (KEY_USAGE, element(BIT_STRING, &[0, bits]))
    }

    fn purposes(names: &[&[u8]]) -> (&'static [u8], Vec<u8>) {
        let names = names.iter().flat_map(|name| element(OBJECT_IDENTIFIER, name)).collect::<Vec<_>>();
        (EXTENDED_KEY_USAGE, element(SEQUENCE, &names))
    }

    #[test]
    fn a_certificate_for_servers_and_one_for_anything_may_be_a_server() {
        let other: (&[u8], Vec<u8>) = (&[0x55, 0x1d, 0x13], element(SEQUENCE, &[]));
        for extensions in [
            vec![],
            vec![other],
            vec![key_usage(0b1000_0000)],
            vec![key_usage(0b0010_0100), purposes(&[&[1, 2, 3], SERVER_AUTH])],
        ] {
            assert!(may_be_a_server(&certificate(&extensions)));
        }
    }

    #[test]
    fn one_for_something_else_may_not() {
        for extensions in [
            vec![key_usage(0b0000_0100)],
            vec![purposes(&[&[1, 2, 3]])],
            vec![purposes(&[])],
            vec![key_usage(0b1000_0000), purposes(&[&SERVER_AUTH[1..]])],
        ] {
            assert!(!may_be_a_server(&certificate(&extensions)));
        }
    }

    #[test]
    fn one_that_cannot_be_read_may_not() {
        let whole = certificate(&[purposes(&[SERVER_AUTH])]);
        for end in 0..whole.len() {
            assert!(!may_be_a_server(&whole[..end]), "{end}");
        }
        assert!(!may_be_a_server(&[SEQUENCE, 0x85, 1, 1, 1, 1, 1]));
    }
}
