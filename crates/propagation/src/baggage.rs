//! The `baggage` header (W3C Baggage, section 3).

use std::collections::HashMap;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::Excerpt;

/// Bytes of the header.
const MAX_LEN: usize = 8192;

/// Bytes of one list member.
const MAX_MEMBER_LEN: usize = 4096;

/// List members.
const MAX_MEMBERS: usize = 180;

/// Warnings kept of one header: a client chooses how many members it gets wrong.
const MAX_WARNINGS: usize = 8;

/// What `urllib.parse.quote_plus` escapes; it leaves spaces to be replaced by `+`.
const QUOTE_PLUS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~').remove(b' ');

/// Why baggage was dropped. A member is shown by the part before its first equals sign where that is its key.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BaggageWarning {
    /// The header has more than 8192 bytes; all of it was dropped.
    HeaderTooLong(usize),
    /// This member is not ASCII.
    NotAscii(Excerpt),
    /// This member has more than 4096 bytes.
    MemberTooLong(Excerpt, usize),
    /// This member does not fit the grammar.
    InvalidMember(Excerpt),
    /// There are more than 180 members; the rest was dropped.
    TooManyMembers,
    /// The members have more than 8192 bytes together; the rest was dropped.
    TooLong,
}

impl fmt::Display for BaggageWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderTooLong(len) => write!(f, "baggage of {len} bytes dropped: at most {MAX_LEN} are allowed"),
            Self::NotAscii(key) => write!(f, "baggage member {key} dropped: not ASCII"),
            Self::MemberTooLong(key, len) => {
                write!(f, "baggage member {key} of {len} bytes dropped: at most {MAX_MEMBER_LEN} are allowed")
            }
            Self::InvalidMember(member) => write!(f, "invalid baggage member {member} dropped"),
            Self::TooManyMembers => write!(f, "baggage cut after {MAX_MEMBERS} members"),
            Self::TooLong => write!(f, "baggage cut after {MAX_LEN} bytes"),
        }
    }
}

/// Reads a `baggage` header into names and values, each name once with its last value at its first place. Properties
/// stay part of the value. At most eight warnings come back.
pub fn parse_baggage(header: &str) -> (Vec<(String, String)>, Vec<BaggageWarning>) {
    let mut limits = Limits::default();
    if header.len() > MAX_LEN {
        limits.warn(BaggageWarning::HeaderTooLong(header.len()));
        return (Vec::new(), limits.warnings);
    }
    let mut entries: Vec<(String, String)> = Vec::new();
    let mut index_of: HashMap<String, usize> = HashMap::new();
    let last = header.matches(',').count();
    for (index, member) in header.split(',').enumerate() {
        // White space belongs to the commas: at the ends of the header it counts as part of the member.
        let member = if index == 0 { member } else { member.trim_start_matches(OPTIONAL_SPACE) };
        let member = if index == last { member } else { member.trim_end_matches(OPTIONAL_SPACE) };
        match limits.admit(member) {
            Admission::Yes => {}
            Admission::Skip => continue,
            Admission::Stop => break,
        }
        let Some((name, value)) = split_member(member) else {
            limits.warn(BaggageWarning::InvalidMember(Excerpt::new(member)));
            continue;
        };
        let (name, value) = (unquote_plus(name), unquote_plus(value));
        match index_of.get(&name) {
            Some(&index) => entries[index].1 = value,
            None => {
                index_of.insert(name.clone(), entries.len());
                entries.push((name, value));
            }
        }
    }
    (entries, limits.warnings)
}

/// Writes a `baggage` header; none if nothing is left to write.
pub fn format_baggage<'a>(
    entries: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> (Option<String>, Vec<BaggageWarning>) {
    let mut limits = Limits::default();
    let mut header = String::new();
    for (name, value) in entries {
        let member = format!("{}={}", quote_plus(name), quote_plus(value));
        match limits.admit(&member) {
            Admission::Yes => {}
            Admission::Skip => continue,
            Admission::Stop => break,
        }
        if !header.is_empty() {
            header.push(',');
        }
        header.push_str(&member);
    }
    ((!header.is_empty()).then_some(header), limits.warnings)
}

const OPTIONAL_SPACE: [char; 2] = [' ', '\t'];

enum Admission {
    Yes,
    Skip,
    Stop,
}

/// The limits of W3C Baggage, section 3.3.2.
#[derive(Default)]
struct Limits {
    members: usize,
    len: usize,
    warnings: Vec<BaggageWarning>,
}

impl Limits {
    fn admit(&mut self, member: &str) -> Admission {
        if member.is_empty() {
            return Admission::Skip;
        }
        if !member.is_ascii() {
            self.warn(BaggageWarning::NotAscii(key_excerpt(member)));
            return Admission::Skip;
        }
        if member.len() > MAX_MEMBER_LEN {
            self.warn(BaggageWarning::MemberTooLong(key_excerpt(member), member.len()));
            return Admission::Skip;
        }
        if self.members == MAX_MEMBERS {
            self.warn(BaggageWarning::TooManyMembers);
            return Admission::Stop;
        }
        self.len += usize::from(self.members > 0) + member.len();
        self.members += 1;
        if self.len > MAX_LEN {
            self.warn(BaggageWarning::TooLong);
            return Admission::Stop;
        }
        Admission::Yes
    }

    fn warn(&mut self, warning: BaggageWarning) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(warning);
        }
    }
}

fn key_excerpt(member: &str) -> Excerpt {
    Excerpt::new(member.split('=').next().unwrap_or_default())
}

/// Name and value, still quoted, of a valid member.
fn split_member(member: &str) -> Option<(&str, &str)> {
    let (name, value) = member.split_once('=')?;
    let (name, value) = (name.trim_matches(OPTIONAL_SPACE), value.trim_matches(OPTIONAL_SPACE));
    let mut parts = value.split(';');
    let bare_value = parts.next().unwrap_or_default().trim_end_matches(OPTIONAL_SPACE);
    (is_token(name) && is_value(bare_value) && parts.all(is_property)).then_some((name, value))
}

fn is_property(property: &str) -> bool {
    let property = property.trim_matches(OPTIONAL_SPACE);
    match property.split_once('=') {
        Some((key, value)) => {
            is_token(key.trim_end_matches(OPTIONAL_SPACE)) && is_value(value.trim_start_matches(OPTIONAL_SPACE))
        }
        None => is_token(property),
    }
}

/// Printable ASCII but the space and `"(),/:;<=>?@[\]{}`.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !br#""(),/:;<=>?@[\]{}"#.contains(&byte))
}

/// Printable ASCII but the space and `",;\`; possibly empty.
fn is_value(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !br#"",;\"#.contains(&byte))
}

/// `urllib.parse.unquote_plus(text).strip()`
fn unquote_plus(text: &str) -> String {
    let spaced = text.replace('+', " ");
    let text = percent_decode_str(&spaced).decode_utf8_lossy();
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')).to_owned()
}

/// `urllib.parse.quote_plus(text)`
fn quote_plus(text: &str) -> String {
    utf8_percent_encode(text, QUOTE_PLUS).to_string().replace(' ', "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(header: &str) -> Vec<(String, String)> {
        parse_baggage(header).0
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn members_follow_the_grammar() {
        for (header, expected) in [
            ("a=1,b=2", &[("a", "1"), ("b", "2")][..]),
            (" a = 1 ;p ; q = 2 , b=%20x+y%C3%A9 ", &[("a", "1 ;p ; q = 2"), ("b", "x yé")]),
            ("a=1,b=2,a=3", &[("a", "3"), ("b", "2")]),
            ("a=b=c", &[("a", "b=c")]),
            ("a=,%2F=%", &[("a", ""), ("/", "%")]),
            ("a", &[]),
            ("a/b=1,a b=1,a=\"1\",a=1;,a=1 2,é=1,=1", &[]),
            ("", &[]),
        ] {
            assert_eq!(parsed(header), pairs(expected), "{header:?}");
        }
    }

    #[test]
    fn limits_of_members_and_bytes() {
        let members = |count| (0..count).map(|i| format!("k{i}=v")).collect::<Vec<_>>().join(",");
        assert_eq!(parse_baggage(&members(181)).1, [BaggageWarning::TooManyMembers]);
        assert_eq!(parsed(&members(181)).len(), 180);
        assert_eq!(parsed(&format!("a={}", "v".repeat(4094))).len(), 1);
        assert_eq!(parsed(&format!("a={}", "v".repeat(4095))).len(), 0);
        assert_eq!(parse_baggage(&"v".repeat(8193)).1, [BaggageWarning::HeaderTooLong(8193)]);
    }

    #[test]
    fn warnings_are_few_and_show_an_excerpt_alone() {
        let (_, warnings) = parse_baggage(&["?".repeat(100).as_str(); 80].join(","));
        assert_eq!(warnings.len(), MAX_WARNINGS);
        assert!(warnings.iter().all(|warning| warning.to_string().len() < 100));
    }

    #[test]
    fn what_is_written_is_read() {
        let entries = [("a/b", "1, 2;3"), ("é", "~x y+z")];
        let (header, warnings) = format_baggage(entries);
        assert_eq!(header.as_deref(), Some("a%2Fb=1%2C+2%3B3,%C3%A9=~x+y%2Bz"));
        assert!(warnings.is_empty());
        assert_eq!(format_baggage([]).0, None);
    }
}
