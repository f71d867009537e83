//! HTTP servers.

pub mod attributes;
mod header;
pub mod instruments;
mod method;
mod request;
mod response;
mod span_name;
mod uri;
mod user_agent;

pub use header::{request_header_key, response_header_key};
pub use method::Method;
pub use request::{Request, protocol_version};
pub use response::ResponseStatus;
pub use span_name::{default_span_name, route_span_name};
pub use uri::{RequestUri, redact_url};

#[cfg(test)]
mod tests {
    use otel_rs_abi::KeyValue;

    /// Attributes as `key=number key='text' key=None`.
    pub(super) fn shown(attributes: &[KeyValue<'_>]) -> String {
        let shown = attributes.iter().map(|attribute| {
            let key = attribute.key.as_str();
            match (attribute.value.as_i64(), attribute.value.as_str()) {
                (Some(number), _) => format!("{key}={number}"),
                (_, Some(text)) => format!("{key}='{}'", text.as_str()),
                _ => format!("{key}=None"),
            }
        });
        shown.collect::<Vec<_>>().join(" ")
    }
}
