//! What of a collector's answer goes into the log: its beginning, as it says why it refuses, without secrets.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use prost::Message;

use super::config::OtlpConfig;

/// Characters of an answer that are quoted.
const MAX_CHARS: usize = 200;
/// Bytes of an answer that are looked at.
const MAX_BYTES: usize = 8 * 1024;
/// Shorter values keep no secret, and stand in any text.
const SHORTEST_SECRET: usize = 3;
const REDACTED: &str = "…";

/// What JSON answers call their message, the most telling name first.
const MESSAGE_NAMES: [&str; 7] = ["message", "error_description", "detail", "error", "reason", "msg", "errors"];

/// `google.rpc.Status`, the body of an OTLP/HTTP refusal (OTLP/HTTP, Failures).
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// What the body of a refusal says, quoted; `None` if it says nothing.
pub(super) fn quote(content_type: &str, body: &[u8], config: &OtlpConfig) -> Option<String> {
    let body = &body[..body.len().min(MAX_BYTES)];
    let text = match message_of_status(content_type, body) {
        Some(message) => message,
        None => {
            let text = String::from_utf8_lossy(body);
            if content_type.contains("html") || text.trim_start().starts_with('<') {
                without_tags(&text)
            } else {
                message_of_json(&text).unwrap_or_else(|| text.into_owned())
            }
        }
    };
    quote_text(&text, config)
}

/// Text of the collector's, quoted: one line without control characters and secrets, cut to 200 characters.
pub(super) fn quote_text(text: &str, config: &OtlpConfig) -> Option<String> {
    let text: String = text.chars().map(|char| if is_unfit(char) { ' ' } else { char }).collect();
    let text = redacted(&text, &secrets(config));
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = text.chars().take(MAX_CHARS).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    (!cut.is_empty()).then(|| format!("\"{cut}{more}\""))
}

/// What moves a terminal's cursor or the order of the characters.
fn is_unfit(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffd}')
}

fn message_of_status(content_type: &str, body: &[u8]) -> Option<String> {
    if !content_type.contains("protobuf") {
        return None;
    }
    // One that cannot be read is not shown as bytes either.
    Some(Status::decode(body).map(|status| status.message).unwrap_or_default())
}

/// The first string that is called as messages are. The rest of the document does not matter, so it is not parsed.
fn message_of_json(text: &str) -> Option<String> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let named = |name: &&str| {
        let quoted = format!("\"{name}\"");
        text.match_indices(&quoted).find_map(|(at, _)| {
            let value = text[at + quoted.len()..].trim_start().strip_prefix(':')?.trim_start();
            let value = value.strip_prefix('[').map_or(value, str::trim_start);
            json_string(value.strip_prefix('"')?)
        })
    };
    MESSAGE_NAMES.iter().find_map(named).filter(|message| !message.trim().is_empty())
}

/// A JSON string that follows its opening quotation mark.
fn json_string(text: &str) -> Option<String> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some(value),
            '\\' => match chars.next()? {
                'n' | 'r' | 't' | 'b' | 'f' => value.push(' '),
                'u' => {
                    let code: String = chars.by_ref().take(4).collect();
                    // Halves of a surrogate pair say nothing alone.
                    value.push(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32).unwrap_or(' '));
                }
                other => value.push(other),
            },
            char => value.push(char),
        }
    }
}

/// The text of a page: what a proxy in front of the collector answers.
fn without_tags(page: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for char in page.chars() {
        match char {
            '<' => is_tag = true,
            '>' if is_tag => {
                is_tag = false;
                text.push(' ');
            }
            char if !is_tag => text.push(char),
            _ => {}
        }
    }
    text
}

/// What the exporter knows and nobody else should: values of headers, credentials, what the query of the URL holds.
fn secrets(config: &OtlpConfig) -> Vec<String> {
    let mut secrets = Vec::new();
    for (_, value) in &config.headers {
        let Ok(value) = value.to_str() else { continue };
        secrets.push(value.to_owned());
        if let Some((scheme, token)) = value.split_once(' ') {
            // Also without its scheme, and the password that is in it.
            secrets.push(token.trim().to_owned());
            if scheme.eq_ignore_ascii_case("basic")
                && let Ok(pair) = BASE64_STANDARD.decode(token.trim())
                && let Some((_, password)) = String::from_utf8_lossy(&pair).split_once(':')
            {
                secrets.push(password.to_owned());
            }
        }
    }
    if let Some((_, query)) = config.url.split_once('?') {
        for pair in query.split('&') {
            let value = pair.split_once('=').map_or(pair, |(_, value)| value);
            secrets.push(percent_decode_str(value).decode_utf8_lossy().into_owned());
            secrets.push(value.to_owned());
        }
    }
    secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
    // A secret that is part of another must not cut that in pieces.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

fn redacted(text: &str, secrets: &[String]) -> String {
    let text = secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), REDACTED));
    let mut redacted = String::with_capacity(text.len());
    let mut follows_scheme = false;
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        if follows_scheme && !bare.is_empty() {
            redacted.push_str(REDACTED);
            redacted.push_str(&word[bare.len()..]);
        } else {
            redacted.push_str(&without_credentials(word));
        }
        let name = bare.trim_start_matches(|char: char| !char.is_alphanumeric());
        follows_scheme = ["bearer", "basic"].iter().any(|scheme| {
            name.get(name.len().saturating_sub(scheme.len())..).is_some_and(|end| end.eq_ignore_ascii_case(scheme))
        });
    }
    redacted
}

/// A word whose URLs have no user information.
fn without_credentials(word: &str) -> String {
    let Some(start) = word.find("://").map(|at| at + 3) else { return word.to_owned() };
    let end = word[start..].find(['/', '?', '#']).map_or(word.len(), |at| start + at);
    match word[start..end].rfind('@') {
        Some(at) => format!("{}{REDACTED}{}", &word[..start], &word[start + at..]),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{OtlpArguments, Signal};

    fn config(endpoint: &str, headers: &[(&str, &str)]) -> OtlpConfig {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let arguments =
            OtlpArguments { endpoint: Some(endpoint.to_owned()), headers: Some(headers), ..Default::default() };
        OtlpConfig::resolve(Signal::Traces, &arguments)
    }

    fn quoted(content_type: &str, body: &[u8]) -> Option<String> {
        quote(content_type, body, &config("http://collector:4318/v1/traces", &[]))
    }

    #[test]
    fn a_message_is_taken_out_of_its_wrapping() {
        let status = Status { code: 16, message: "unknown key".to_owned() }.encode_to_vec();
        for (content_type, body) in [
            ("application/x-protobuf", status.as_slice()),
            ("application/json", br#"{"code": 16, "message": "unknown key"}"#),
            ("application/json; charset=utf-8", br#"{"error": {"type": "x", "message":"unknown\u0020key"}}"#),
            ("", br#"{"error": "unknown key"}"#),
            ("application/json", br#"{"errors": ["unknown key"]}"#),
            ("text/plain", b"unknown\r\n\tkey\x1b\n"),
            ("text/html", b"<html><head></head><body><h1>unknown</h1> key</body></html>"),
            ("", b"<p>unknown key</p>"),
        ] {
            assert_eq!(quoted(content_type, body).as_deref(), Some("\"unknown key\""), "{content_type}");
        }
    }

    #[test]
    fn what_says_nothing_is_not_quoted() {
        for (content_type, body) in
            [("", &b""[..]), ("text/plain", b" \n"), ("application/x-protobuf", b"\xff\xff\x01")]
        {
            assert_eq!(quoted(content_type, body), None);
        }
    }

    #[test]
    fn json_without_a_message_is_quoted_as_it_is() {
        for body in [r#"{"code": 3}"#, r#"{"message": 7, "error": nu"#, r#"[{"message": "cut of"#, "{\"error\": \"\\"] {
            assert_eq!(quoted("application/json", body.as_bytes()), Some(format!("\"{body}\"")));
        }
    }

    #[test]
    fn a_long_answer_is_cut_between_characters() {
        let line = quoted("text/plain", "ä".repeat(5000).as_bytes()).unwrap();
        assert_eq!(line.chars().count(), MAX_CHARS + 3);
    }

    #[test]
    fn secrets_are_left_out() {
        let config = config(
            "http://me:p%40ss@collector:4318/v1/traces?token=t0k%2Fen&x=1",
            &[("X-Api-Key", "key-1234"), ("X-Forwarded-Auth", "Bearer abc.def")],
        );
        for (said, quoted) in [
            ("no such key: key-1234", "no such key: …"),
            ("abc.def is no token", "… is no token"),
            ("wrong header Bearer xyz789 given", "wrong header Bearer … given"),
            ("Authorization:\"Basic eHl6\"", "Authorization:\"Basic …"),
            ("upstream http://you:secret@inner:1/x said no", "upstream http://…@inner:1/x said no"),
            ("token t0k/en or t0k%2Fen", "token … or …"),
            ("password p@ss", "password …"),
        ] {
            assert_eq!(quote_text(said, &config), Some(format!("\"{quoted}\"")));
        }
    }

    #[test]
    fn a_secret_at_the_end_of_the_quotation_is_left_out() {
        let config = config("http://collector:4318/", &[("x-api-key", "key-123456789")]);
        let said = format!("{} key-123456789", "x".repeat(MAX_CHARS - 5));
        assert!(!quote_text(&said, &config).unwrap().contains("key"));
    }
}
