//! The `tracestate` header (W3C Trace Context, section 3.3).

use std::fmt;

use crate::Excerpt;

/// Bytes of all `tracestate` headers together.
const MAX_LEN: usize = 8192;

/// List members.
const MAX_MEMBERS: usize = 32;

/// Why a `tracestate` was dropped.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TraceStateWarning {
    /// It is longer than 8192 characters.
    TooLong(usize),
    /// This member does not fit the grammar.
    InvalidMember(Excerpt),
    /// It has more than 32 members.
    TooManyMembers(usize),
}

impl fmt::Display for TraceStateWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(len) => write!(f, "tracestate of {len} characters dropped: at most {MAX_LEN} are allowed"),
            Self::InvalidMember(member) => write!(f, "tracestate dropped: invalid member {member}"),
            Self::TooManyMembers(count) => {
                write!(f, "tracestate of {count} members dropped: at most {MAX_MEMBERS} are allowed")
            }
        }
    }
}

/// Validates a header; its members come back joined by commas. A duplicate key empties the list without a warning.
pub(crate) fn parse(header: &str) -> Result<String, TraceStateWarning> {
    if header.len() > MAX_LEN {
        let len = header.chars().count();
        if len > MAX_LEN {
            return Err(TraceStateWarning::TooLong(len));
        }
    }
    let mut keys: Vec<&str> = Vec::new();
    let mut list = String::with_capacity(header.len());
    for member in header.split(',').map(|member| member.trim_matches([' ', '\t'])) {
        if member.is_empty() {
            continue;
        }
        let key = match member.split_once('=') {
            Some((key, value)) if is_key(key.as_bytes()) && is_value(value.as_bytes()) => key,
            _ => return Err(TraceStateWarning::InvalidMember(Excerpt::new(member))),
        };
        if keys.contains(&key) {
            return Ok(String::new());
        }
        keys.push(key);
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(member);
    }
    if keys.len() > MAX_MEMBERS { Err(TraceStateWarning::TooManyMembers(keys.len())) } else { Ok(list) }
}

/// `lcalpha *255(…)`, or `tenant@system`.
fn is_key(key: &[u8]) -> bool {
    let at = key.iter().position(|byte| *byte == b'@');
    match at.map(|at| (&key[..at], &key[at + 1..])) {
        None => is_name(key, 256, false),
        Some((tenant, system)) => is_name(tenant, 241, true) && is_name(system, 14, false),
    }
}

fn is_name(name: &[u8], max: usize, digit_first: bool) -> bool {
    name.len() <= max
        && name.first().is_some_and(|byte| byte.is_ascii_lowercase() || (digit_first && byte.is_ascii_digit()))
        && name.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/'))
}

/// 1 to 256 printable ASCII characters but comma and equals sign, the last one not a space.
fn is_value(value: &[u8]) -> bool {
    value.len() <= 256
        && value.last().is_some_and(|byte| *byte != b' ')
        && value.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_follow_the_grammar() {
        for (header, expected) in [
            ("", Some("")),
            (",, ,\t", Some("")),
            ("a=1", Some("a=1")),
            ("a= 1", Some("a= 1")),
            ("0tenant@sys=x y", Some("0tenant@sys=x y")),
            ("0a=1", None),
            ("b=0,a=1,a=2", Some("")),
            ("a=", None),
            ("a", None),
            ("a=b=c", None),
            ("a@b@c=1", None),
            ("a@0=1", None),
            ("a=é", None),
            ("a=1\n", None),
        ] {
            assert_eq!(parse(header).ok().as_deref(), expected, "{header:?}");
        }
    }

    #[test]
    fn limits() {
        let members = |count| (0..count).map(|i| format!("k{i}=v")).collect::<Vec<_>>().join(",");
        assert!(parse(&members(32)).is_ok());
        assert_eq!(parse(&members(33)), Err(TraceStateWarning::TooManyMembers(33)));
        assert!(parse(&format!("{}=v", "k".repeat(256))).is_ok());
        assert!(parse(&format!("{}=v", "k".repeat(257))).is_err());
        assert!(parse(&format!("{}@{}=v", "k".repeat(241), "s".repeat(14))).is_ok());
        assert!(parse(&format!("{}@s=v", "k".repeat(242))).is_err());
        assert!(parse(&format!("k={}", "v".repeat(256))).is_ok());
        assert!(parse(&format!("k={}", "v".repeat(257))).is_err());
        assert!(parse(&",".repeat(8192)).is_ok());
        assert_eq!(parse(&",".repeat(8193)), Err(TraceStateWarning::TooLong(8193)));
    }

    #[test]
    fn a_warning_shows_an_excerpt_alone() {
        let warning = parse(&"?".repeat(300)).unwrap_err();
        assert!(warning.to_string().len() < 100, "{warning}");
    }
}
