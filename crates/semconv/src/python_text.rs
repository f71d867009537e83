//! Python's own rules for text, where the values of attributes depend on them.

/// `str.isspace` of one character: Unicode white space and the four information separators.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// `str.strip()`.
pub fn python_strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `int(text)`, as far as it fits 64 bits: surrounding white space, a sign, and single underscores between digits are
/// allowed. Decimal digits outside ASCII, which a WSGI environ cannot hold, are not.
pub fn python_int(text: &str) -> Option<i64> {
    match parse_int(text) {
        Int::Fits(number) => Some(number),
        Int::TooLarge { .. } | Int::NotANumber => None,
    }
}

/// What `int(text)` answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Int {
    /// A number of at most 64 bits.
    Fits(i64),
    /// A number of more bits than that.
    TooLarge { negative: bool },
    /// `ValueError`
    NotANumber,
}

pub(crate) fn parse_int(text: &str) -> Int {
    // Not `python_strip`: `int` leaves the information separators where they are.
    let text = text.trim();
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let mut number = Some(0_i64);
    let mut after_digit = false;
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                let digit = i64::from(byte - b'0');
                // Counted downwards, so that the smallest number fits.
                number = number.and_then(|number| number.checked_mul(10)?.checked_sub(digit));
                after_digit = true;
            }
            b'_' if after_digit => after_digit = false,
            _ => return Int::NotANumber,
        }
    }
    if !after_digit {
        return Int::NotANumber;
    }
    match number.and_then(|number| if negative { Some(number) } else { number.checked_neg() }) {
        Some(number) => Int::Fits(number),
        None => Int::TooLarge { negative },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn int_takes_what_python_takes() {
        for (text, expected) in [
            ("443", Some(443)),
            (" \t\u{a0}+4_43\r\n", Some(443)),
            ("\u{1c}443", None),
            ("-0", Some(0)),
            ("007", Some(7)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("", None),
            ("+", None),
            ("- 1", None),
            ("_1", None),
            ("1_", None),
            ("1__0", None),
            ("+_1", None),
            ("0x1f", None),
            ("1.0", None),
            ("\u{b2}", None),
        ] {
            assert_eq!(python_int(text), expected, "{text:?}");
        }
    }

    #[test]
    fn strip_takes_the_information_separators_too() {
        assert_eq!(python_strip("\u{1f}\u{85} GET \u{2028}\u{1c}"), "GET");
        assert_eq!(python_strip("\u{200b}GET"), "\u{200b}GET");
    }
}
