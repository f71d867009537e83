//! Attributes of a response.

use otel_rs_abi::{KeyValue, StatusCode};

use super::attributes::{ERROR_TYPE, HTTP_RESPONSE_STATUS_CODE, old};
use crate::Stability;
use crate::python_text::{Int, parse_int};

/// The status that an application gave to `start_response`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResponseStatus<'a> {
    text: &'a str,
    code: Code,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Code {
    Number(i64),
    /// A number that does not fit an attribute.
    Huge,
    /// Not a number, or a negative one.
    Invalid,
}

impl<'a> ResponseStatus<'a> {
    /// Reads a status line such as `200 OK`. The reason may be missing, which PEP 3333 does not allow but servers do.
    pub fn parse(status: &'a str) -> Self {
        let text = status.split(' ').next().unwrap_or_default();
        let code = match parse_int(text) {
            Int::Fits(number) if number >= 0 => Code::Number(number),
            Int::TooLarge { negative: false } => Code::Huge,
            Int::Fits(_) | Int::TooLarge { negative: true } | Int::NotANumber => Code::Invalid,
        };
        Self { text, code }
    }

    /// The status code, if it is a number.
    pub const fn code(&self) -> Option<i64> {
        match self.code {
            Code::Number(number) => Some(number),
            Code::Huge | Code::Invalid => None,
        }
    }

    const fn is_error(&self) -> bool {
        match self.code {
            Code::Number(number) => number < 100 || number > 499,
            Code::Huge | Code::Invalid => true,
        }
    }

    /// Appends what the span, and each duration histogram, says of the status.
    pub fn span_attributes<'b>(&self, stability: Stability, out: &mut Vec<KeyValue<'b>>)
    where
        'a: 'b,
    {
        if let Code::Number(number) = self.code {
            if stability.reports_old() {
                out.push(KeyValue::new(old::HTTP_STATUS_CODE, number));
            }
            if stability.reports_new() {
                out.push(KeyValue::new(HTTP_RESPONSE_STATUS_CODE, number));
            }
        }
        if stability.reports_new() && self.is_error() {
            out.push(KeyValue::new(ERROR_TYPE, self.text));
        }
    }

    /// Status of the server span and its description, which is empty for a status that is a number.
    pub fn span_status(&self) -> (StatusCode, String) {
        match self.code {
            Code::Invalid => (StatusCode::Error, format!("Non-integer HTTP status: {}", self.text)),
            Code::Number(_) | Code::Huge if self.is_error() => (StatusCode::Error, String::new()),
            Code::Number(_) | Code::Huge => (StatusCode::Unset, String::new()),
        }
    }
}
