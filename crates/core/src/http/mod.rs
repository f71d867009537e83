//! HTTP servers under WSGI: what a request says, which requests are excluded, which headers are captured, and the
//! body of a streamed response.

mod environ;
mod excluded;
mod headers;
mod hooks;
mod response_propagation;
mod server;
mod stream;

pub use environ::EnvironFacts;
pub use excluded::ExcludedUrls;
pub use headers::CapturedHeaders;
pub use hooks::call_hook;
pub use response_propagation::inject_response_headers;
pub use server::{HttpServer, Response, ServerSpan};
pub use stream::{BodyObserver, ResponseBody};
