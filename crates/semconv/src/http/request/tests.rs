use super::*;
use crate::http::tests::shown;

fn request() -> Request<'static> {
    Request {
        method: Method::new("GET", false),
        server_name: Some("server"),
        scheme: "http",
        host: "host:81",
        port: Some(81),
        target: "/a?b=c",
        path: "/a",
        query: "b=c",
        url: "",
        remote_addr: "127.0.0.1",
        remote_port: Some(5000),
        remote_host: "127.0.0.1",
        user_agent: "curl/8",
        protocol_version: protocol_version("HTTP/1.1"),
    }
}

fn span(request: &Request<'_>, stability: Stability) -> String {
    let mut attributes = Vec::new();
    request.span_attributes(stability, &mut attributes);
    shown(&attributes)
}

#[test]
fn a_span_starts_with_the_old_convention() {
    assert_eq!(
        span(&request(), Stability::Old),
        "http.method='GET' http.server_name='server' http.scheme='http' net.host.name='host:81' http.host='host:81' \
         net.host.port=81 http.target='/a?b=c' net.peer.ip='127.0.0.1' net.peer.port=5000 http.user_agent='curl/8' \
         http.flavor='1.1'"
    );
}

#[test]
fn a_span_starts_with_the_stable_convention() {
    let request = Request { method: Method::new("Get", false), remote_host: "client", ..request() };
    assert_eq!(
        span(&request, Stability::New),
        "http.request.method_original='Get' http.request.method='GET' url.scheme='http' server.address='host:81' \
         server.port=81 url.path='/a' url.query='b=c' client.address='client' client.port=5000 \
         user_agent.original='curl/8' network.protocol.version='1.1'"
    );
}

#[test]
fn a_span_starts_with_both() {
    let request = Request { remote_addr: "", remote_host: "client", user_agent: "bingbot", ..request() };
    assert_eq!(
        span(&request, Stability::Dup),
        "http.method='GET' http.request.method='GET' http.server_name='server' http.scheme='http' url.scheme='http' \
         net.host.name='host:81' server.address='host:81' http.host='host:81' net.host.port=81 server.port=81 \
         http.target='/a?b=c' url.path='/a' url.query='b=c' net.peer.port=5000 client.port=5000 \
         net.peer.name='client' client.address='client' http.user_agent='bingbot' user_agent.original='bingbot' \
         user_agent.synthetic.type='bot' http.flavor='1.1' network.protocol.version='1.1'"
    );
}

#[test]
fn what_is_absent_is_left_out_but_the_server_name() {
    let request = Request {
        method: Method::new("", true),
        server_name: None,
        scheme: "",
        host: "",
        port: Some(0),
        target: "",
        path: "/a",
        query: "b=c",
        url: "http://host/a",
        remote_addr: "",
        remote_port: Some(0),
        remote_host: "",
        user_agent: "",
        protocol_version: protocol_version("HTTP/"),
    };
    assert_eq!(span(&request, Stability::Old), "http.server_name=None http.url='http://host/a' net.peer.port=0");
    assert_eq!(span(&request, Stability::New), "client.port=0");
    assert!(Request::needs_url(Stability::Dup, "") && !Request::needs_url(Stability::New, ""));
}

#[test]
fn metrics_have_attributes_of_few_values() {
    let request = request();
    let status = ResponseStatus::parse("500 x");
    let mut attributes = Vec::new();
    request.active_request_attributes(Stability::Dup, &mut attributes);
    assert_eq!(
        shown(&attributes),
        "http.method='GET' http.server_name='server' http.scheme='http' http.host='host:81' http.flavor='1.1' \
         http.request.method='GET' url.scheme='http'"
    );
    attributes.clear();
    request.duration_attributes(Convention::Old, Some(&status), Some("/<x>"), &mut attributes);
    assert_eq!(
        shown(&attributes),
        "http.method='GET' http.server_name='server' http.scheme='http' net.host.name='host:81' http.host='host:81' \
         net.host.port=81 http.flavor='1.1' http.status_code=500 http.target='/<x>'"
    );
    attributes.clear();
    request.duration_attributes(Convention::New, Some(&status), Some("/<x>"), &mut attributes);
    assert_eq!(
        shown(&attributes),
        "http.request.method='GET' url.scheme='http' network.protocol.version='1.1' http.response.status_code=500 \
         error.type='500' http.route='/<x>'"
    );
}

#[test]
fn the_protocol_loses_its_name_in_any_case() {
    for (protocol, version) in [("HTTP/1.1", "1.1"), ("http/2", "2"), ("HTTP/", ""), ("SPDY/3", "SPDY/3"), ("é", "é")]
    {
        assert_eq!(protocol_version(protocol), version);
    }
}
