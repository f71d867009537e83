//! Keys of captured headers.

use opentelemetry_semantic_conventions::attribute::{HTTP_REQUEST_HEADER, HTTP_RESPONSE_HEADER};

/// `http.request.header.<name>`: the name in lower case, its dashes as underscores.
pub fn request_header_key(name: &str) -> String {
    key(HTTP_REQUEST_HEADER, name)
}

/// `http.response.header.<name>`: the name in lower case, its dashes as underscores.
pub fn response_header_key(name: &str) -> String {
    key(HTTP_RESPONSE_HEADER, name)
}

fn key(prefix: &str, name: &str) -> String {
    format!("{prefix}.{}", name.to_lowercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lower_case_with_underscores() {
        assert_eq!(request_header_key("X-Request-ID"), "http.request.header.x_request_id");
        assert_eq!(response_header_key("content-type"), "http.response.header.content_type");
    }
}
