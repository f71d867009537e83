//! Synthetic traffic, told by its user agent.

const TEST: &str = "alwayson";
const BOTS: [&str; 2] = ["googlebot", "bingbot"];

/// Value of `user_agent.synthetic.type`.
pub(super) fn synthetic_type(user_agent: &str) -> Option<&'static str> {
    if contains_ignore_case(user_agent, TEST) {
        Some("test")
    } else if BOTS.iter().any(|bot| contains_ignore_case(user_agent, bot)) {
        Some("bot")
    } else {
        None
    }
}

/// No letter outside ASCII has a lower case that any of the names contains, so ASCII's case is enough.
fn contains_ignore_case(text: &str, name: &str) -> bool {
    let first = name.as_bytes()[0];
    // Looking at the first letter alone keeps this cheap: it runs with every request.
    text.as_bytes()
        .windows(name.len())
        .any(|window| window[0].to_ascii_lowercase() == first && window.eq_ignore_ascii_case(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_wins_over_a_bot() {
        assert_eq!(synthetic_type("Mozilla/5.0 (compatible; GoogleBot/2.1)"), Some("bot"));
        assert_eq!(synthetic_type("bingbot AlwaysOn"), Some("test"));
        assert_eq!(synthetic_type("curl/8"), None);
        assert_eq!(synthetic_type(""), None);
    }
}
