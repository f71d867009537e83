//! HTTP servers under WSGI: what a request says, which requests are excluded, which headers are captured, and the
//! body of a streamed response.

mod claim;
mod environ;
mod excluded;
mod headers;
mod hooks;
mod response_propagation;
mod server;
mod start_response;
mod status;
mod stream;

pub use crate::attributes::to_dict as attributes_of;
pub use claim::{ClaimedRequest, claim_key};
pub use environ::EnvironFacts;
pub use excluded::ExcludedUrls;
pub use headers::CapturedHeaders;
pub use hooks::call_hook;
pub use response_propagation::inject_response_headers;
pub use server::{HttpServer, Response, ServerSpan, captures_all_methods};
pub use start_response::{ResponseObserver, StartResponse};
pub use status::add_status_to;
pub use stream::{BodyObserver, Close, ResponseBody, unless_interrupted};
