//! Against a real socket: what goes over the wire, and how long a send may take.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use super::*;
use crate::export::{Compression, OtlpArguments, Signal};

/// A collector that answers the n-th request with the n-th answer, and then no more.
struct Collector {
    port: u16,
    requests: Receiver<Request>,
}

struct Request {
    head: String,
    body: Vec<u8>,
}

impl Collector {
    fn start(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                sender.send(Request::read(&stream)).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        Self { port, requests }
    }

    fn sender(&self, arguments: OtlpArguments) -> Sender {
        let endpoint = Some(format!("http://127.0.0.1:{}/v1/traces", self.port));
        Sender::new(OtlpConfig::resolve(Signal::Traces, &OtlpArguments { endpoint, ..arguments }))
    }
}

impl Request {
    fn read(stream: &TcpStream) -> Self {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        let mut request = Self { head, body: Vec::new() };
        let length = request.header("content-length").unwrap().parse().unwrap();
        request.body = vec![0; length];
        reader.read_exact(&mut request.body).unwrap();
        request
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.find(|(present, _)| present.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
const BUSY: &str =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0.01\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const REFUSED: &str = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const UNKNOWN: &str =
    "HTTP/1.1 401 Unauthorized\r\nContent-Length: 26\r\nConnection: close\r\n\r\n{\"message\":\"who are you?\"}";
const TOO_LARGE: &str = "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const MOVED: &str = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

#[test]
fn the_request_is_what_otlp_asks_for() {
    let collector = Collector::start(&[OK]);
    let headers = Some(vec![("X-Api-Key".to_owned(), "secret".to_owned())]);
    let sender = collector.sender(OtlpArguments { headers, ..Default::default() });
    assert_eq!(sender.send(b"spans", None, false).unwrap(), b"hi");
    let request = collector.requests.recv().unwrap();
    assert!(request.head.starts_with("POST /v1/traces HTTP/1.1\r\n"));
    assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
    assert_eq!(request.header("x-api-key"), Some("secret"));
    assert!(request.header("user-agent").unwrap().starts_with("otel-rs/"));
    assert_eq!(request.body, b"spans");
}

#[test]
fn bodies_are_compressed() {
    for (compression, encoding) in [(Compression::Gzip, "gzip"), (Compression::Deflate, "deflate")] {
        let collector = Collector::start(&[OK]);
        let sender = collector.sender(OtlpArguments { compression: Some(compression), ..Default::default() });
        sender.send(b"spans", None, false).unwrap();
        let request = collector.requests.recv().unwrap();
        assert_eq!(request.header("content-encoding"), Some(encoding));
        let mut body = Vec::new();
        match compression {
            Compression::Gzip => flate2::read::GzDecoder::new(&request.body[..]).read_to_end(&mut body).unwrap(),
            _ => flate2::read::ZlibDecoder::new(&request.body[..]).read_to_end(&mut body).unwrap(),
        };
        assert_eq!(body, b"spans");
    }
}

#[test]
fn what_may_get_better_is_told_from_what_will_not() {
    for (answers, why, retry) in [
        (&[BUSY], "HTTP 503 Service Unavailable (see what", Some(Some(Duration::from_millis(10)))),
        (&[REFUSED], "HTTP 400 Bad Request (see the collector's log)", None),
        (&[MOVED], "HTTP 307 Temporary Redirect (redirects are not followed;", None),
        (&[UNKNOWN], "HTTP 401 Unauthorized: \"who are you?\" (check the credentials", None),
    ] {
        let collector = Collector::start(answers);
        let error = collector.sender(OtlpArguments::default()).send(b"spans", None, false).unwrap_err().error;
        let url = format!("http://127.0.0.1:{}/v1/traces", collector.port);
        let begin = format!("sending spans to {url} failed: {why}");
        assert!(error.message.starts_with(&begin) && error.message.ends_with(')'), "{error:?}");
        assert_eq!(error.retry, retry);
    }
}

#[test]
fn a_request_that_was_too_large_is_not_sent_again_if_it_can_be_split() {
    let collector = Collector::start(&[TOO_LARGE, OK, OK]);
    let sender = collector.sender(OtlpArguments { max_request_size: Some(100), ..Default::default() });
    assert!(sender.send(&[0; 80], None, true).unwrap_err().is_too_large);
    assert!(sender.send(&[0; 80], None, true).unwrap_err().is_too_large);
    assert!(sender.send(&[0; 101], None, false).unwrap_err().is_too_large);
    sender.send(&[0; 79], None, true).unwrap();
    sender.send(&[0; 80], None, false).unwrap();
    assert_eq!(collector.requests.iter().map(|request| request.body.len()).collect::<Vec<_>>(), [80, 79, 80]);
}

#[test]
fn an_answer_that_is_no_http_and_one_that_breaks_off_may_get_better() {
    for answer in [&["garbage\r\n\r\n", "\0\x01\x02"], &["", ""], &["HTTP/1.1 200 OK\r\nContent-", "HTTP"]] {
        let collector = Collector::start(answer);
        let error = collector.sender(OtlpArguments::default()).send(b"spans", None, false).unwrap_err().error;
        assert_eq!(error.retry, Some(None), "{error:?}");
    }
}

#[test]
fn an_attempt_takes_no_longer_than_the_shutdown_has() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Some(format!("http://{}/v1/traces", listener.local_addr().unwrap()));
    let sender = Sender::new(OtlpConfig::resolve(Signal::Traces, &OtlpArguments { endpoint, ..Default::default() }));
    let started = Instant::now();
    let error = sender.send(b"spans", Some(Duration::from_millis(100)), false).unwrap_err().error;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(error.retry, Some(None));
}

#[test]
fn a_silent_collector_costs_no_more_than_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Some(format!("http://{}/v1/traces", listener.local_addr().unwrap()));
    let timeout = Some(Duration::from_millis(200));
    let arguments = OtlpArguments { endpoint, timeout, ..Default::default() };
    let started = Instant::now();
    let error =
        Sender::new(OtlpConfig::resolve(Signal::Traces, &arguments)).send(b"spans", None, false).unwrap_err().error;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(error.message.contains("no answer in time"), "{error:?}");
}

#[test]
fn an_unreachable_collector_is_named_without_its_credentials() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = Some(format!("http://user:pass@127.0.0.1:{port}/v1/traces"));
    let timeout = Some(Duration::from_millis(300));
    let arguments = OtlpArguments { endpoint, timeout, ..Default::default() };
    let error =
        Sender::new(OtlpConfig::resolve(Signal::Traces, &arguments)).send(b"spans", None, false).unwrap_err().error;
    assert!(error.message.contains("refused") && error.message.contains(&port.to_string()), "{error:?}");
    assert!(!error.message.contains("pass"), "{error:?}");
}
