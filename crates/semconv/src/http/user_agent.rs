//! Synthetic traffic, told by its user agent.

const TEST: &str = "alwayson";
const BOTS: [&str; 2] = ["googlebot", "bingbot"];

/// Value of `user_agent.synthetic.type`.
///
/// No letter outside ASCII has a lower case that any of the names contains, so ASCII's case is enough.
pub(super) fn synthetic_type(user_agent: &str) -> Option<&'static str> {
    let bytes = user_agent.as_bytes();
    let mut found = None;
    // One pass that looks at first letters: it runs with every request.
    for (start, byte) in bytes.iter().enumerate() {
        let is = |name: &str| {
            bytes[start..].get(..name.len()).is_some_and(|part| part.eq_ignore_ascii_case(name.as_bytes()))
        };
        match byte.to_ascii_lowercase() {
            b'a' if is(TEST) => return Some("test"),
            b'b' | b'g' if BOTS.iter().any(|bot| is(bot)) => found = Some("bot"),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_wins_over_a_bot() {
        assert_eq!(synthetic_type("Mozilla/5.0 (compatible; GoogleBot/2.1)"), Some("bot"));
        assert_eq!(synthetic_type("bingbot AlwaysOn"), Some("test"));
        assert_eq!(synthetic_type("a bing Googlebo alwayso"), None);
        assert_eq!(synthetic_type("curl/8"), None);
        assert_eq!(synthetic_type(""), None);
    }
}
