//! Text of a client, cut to what a log line may show.

use std::fmt;

/// How many characters are kept.
const KEPT: usize = 32;

/// The beginning of a text and its length. It displays as `'beginning' (n bytes)`, control characters escaped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Excerpt {
    beginning: String,
    len: usize,
}

impl Excerpt {
    /// Takes the first 32 characters of a text.
    pub fn new(text: &str) -> Self {
        let end = text.char_indices().nth(KEPT).map_or(text.len(), |(index, _)| index);
        Self { beginning: text[..end].to_owned(), len: text.len() }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.beginning.len() < self.len { "..." } else { "" };
        write!(f, "'{}{more}' ({} bytes)", self.beginning.escape_debug(), self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_control_characters_are_escaped() {
        assert_eq!(Excerpt::new("a\r\nb").to_string(), r"'a\r\nb' (4 bytes)");
        assert_eq!(Excerpt::new(&"é".repeat(40)).to_string(), format!("'{}...' (80 bytes)", "é".repeat(32)));
    }
}
