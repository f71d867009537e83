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
