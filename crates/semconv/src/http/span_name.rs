//! Names of server spans.

use super::method::for_span_name;
use crate::python_strip;

/// `{method} {path}`, or the method alone without a path. An unknown method makes it `HTTP`, without the path: the
/// client must not choose both.
///
/// `method` is `REQUEST_METHOD` and `path` is `PATH_INFO`, both as the environ has them; `capture_all` is
/// [`Method::new`](super::Method::new)'s.
pub fn default_span_name(method: &str, capture_all: bool, path: &str) -> String {
    let method = for_span_name(method, capture_all);
    let path = python_strip(path);
    if method == "HTTP" || method.is_empty() || path.is_empty() { method.into_owned() } else { named(&method, path) }
}

/// `{method} {route}`, `HTTP {route}` for an unknown method.
pub fn route_span_name(method: &str, capture_all: bool, route: &str) -> String {
    named(&for_span_name(method, capture_all), route)
}

/// `{method} {rest}`, without the formatting machinery: every request has a name.
fn named(method: &str, rest: &str) -> String {
    let mut name = String::with_capacity(method.len() + 1 + rest.len());
    name.push_str(method);
    name.push(' ');
    name.push_str(rest);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_named_only_after_a_known_method() {
        assert_eq!(default_span_name("GET", false, "/a "), "GET /a");
        assert_eq!(default_span_name(" get\n", false, "/a"), "GET /a");
        assert_eq!(default_span_name("GET", false, " "), "GET");
        assert_eq!(default_span_name("BREW", false, "/a"), "HTTP");
        assert_eq!(default_span_name("BREW", true, "/a"), "BREW /a");
        assert_eq!(default_span_name("", true, "/a"), "");
    }

    #[test]
    fn a_route_is_named_after_any_method() {
        assert_eq!(route_span_name("GET", false, "/user/<id>"), "GET /user/<id>");
        assert_eq!(route_span_name("BREW", false, "/user/<id>"), "HTTP /user/<id>");
    }
}
