//! Attribute keys, each once.

/// The old HTTP convention, as of semantic conventions 1.11.0 to 1.20.0. The crate still has its keys, as deprecated
/// ones; here they are what is reported by default.
pub mod old {
    macro_rules! keys {
        ($($name:ident)*) => {
            $(
                #[doc = concat!("Key of `", stringify!($name), "`.")]
                #[expect(deprecated)]
                pub const $name: &str = opentelemetry_semantic_conventions::attribute::$name;
            )*
        };
    }

    keys! {
        HTTP_FLAVOR HTTP_HOST HTTP_METHOD HTTP_SCHEME HTTP_SERVER_NAME HTTP_STATUS_CODE HTTP_TARGET HTTP_URL
        HTTP_USER_AGENT NET_HOST_NAME NET_HOST_PORT NET_PEER_IP NET_PEER_NAME NET_PEER_PORT
    }
}

pub use opentelemetry_semantic_conventions::attribute::{
    CLIENT_ADDRESS, CLIENT_PORT, ERROR_TYPE, HTTP_REQUEST_METHOD, HTTP_REQUEST_METHOD_ORIGINAL,
    HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, NETWORK_PROTOCOL_VERSION, SERVER_ADDRESS, SERVER_PORT, URL_PATH, URL_QUERY,
    URL_SCHEME, USER_AGENT_ORIGINAL, USER_AGENT_SYNTHETIC_TYPE,
};
