//! Compression of request bodies.

use std::io::Write;

use flate2::Compression as Level;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::environment;
use crate::export::Signal;

/// How request bodies are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// `Content-Encoding: gzip`
    Gzip,
    /// `Content-Encoding: deflate` (zlib format, RFC 9110 section 8.4.1.2)
    Deflate,
}

impl Compression {
    /// The algorithm of that name, in any case: `none`, `gzip` or `deflate`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "none" => Some(Self::None),
            "gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            _ => None,
        }
    }

    /// From the environment; [`Compression::None`] unless a variable says otherwise.
    pub(super) fn from_environment(signal: Signal) -> Self {
        let Some((variable, value)) = environment::first_of(&signal.variables().compression) else {
            return Self::None;
        };
        Self::from_name(&value).unwrap_or_else(|| {
            let value = environment::quoted(&value);
            environment::report_invalid(variable, &value, "gzip, deflate or none", "none");
            Self::None
        })
    }

    /// The value of `Content-Encoding`.
    pub(super) fn content_encoding(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("gzip"),
            Self::Deflate => Some("deflate"),
        }
    }

    /// The body as it is sent.
    pub(super) fn compress(self, body: &[u8]) -> std::io::Result<Option<Vec<u8>>> {
        match self {
            Self::None => Ok(None),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Level::default());
                encoder.write_all(body)?;
                encoder.finish().map(Some)
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Level::default());
                encoder.write_all(body)?;
                encoder.finish().map(Some)
            }
        }
    }
}
