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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::shown;

    fn said(status: &str, stability: Stability) -> (String, StatusCode, String) {
        let status = ResponseStatus::parse(status);
        let mut attributes = Vec::new();
        status.span_attributes(stability, &mut attributes);
        let (code, description) = status.span_status();
        (shown(&attributes), code, description)
    }

    #[test]
    fn server_errors_alone_are_errors() {
        for (status, attributes, code) in [
            ("200 OK", "http.response.status_code=200", StatusCode::Unset),
            ("302", "http.response.status_code=302", StatusCode::Unset),
            ("499 x", "http.response.status_code=499", StatusCode::Unset),
            ("0503 x", "http.response.status_code=503 error.type='0503'", StatusCode::Error),
            ("99 x", "http.response.status_code=99 error.type='99'", StatusCode::Error),
            ("99999999999999999999 x", "error.type='99999999999999999999'", StatusCode::Error),
        ] {
            assert_eq!(said(status, Stability::New), (attributes.to_owned(), code, String::new()), "{status:?}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_an_error_with_a_description() {
        for status in ["abc", " 200 OK", "-5 x", "-99999999999999999999", ""] {
            let (attributes, code, description) = said(status, Stability::Old);
            assert_eq!((attributes.as_str(), code), ("", StatusCode::Error), "{status:?}");
            let text = status.split(' ').next().unwrap_or_default();
            assert_eq!(description, format!("Non-integer HTTP status: {text}"));
        }
    }

    #[test]
    fn both_conventions_have_their_own_code() {
        assert_eq!(
            said("500 x", Stability::Dup).0,
            "http.status_code=500 http.response.status_code=500 error.type='500'"
        );
    }
}
