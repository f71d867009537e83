//! Requests that somebody else sends: a thread of Python's, by a session of the application.
//!
//! An export thread never runs Python code. It hands the request over, and waits for the answer no longer than for one
//! of its own. A forked child begins anew: the thread of its parent is not there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::process::PerProcess;

/// How much longer than the request may take its answer is waited for.
const GRACE: Duration = Duration::from_millis(500);

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct HandedRequest {
    /// The URL, without credentials.
    pub url: String,
    /// Names in lower case, one value each.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// How long it may take.
    pub timeout: Duration,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct HandedAnswer {
    /// Status code.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The header `Content-Type`.
    pub content_type: String,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

/// Where an exporter leaves its requests. Once it is dropped, those who [serve](Server) leave.
#[derive(Default)]
pub struct HandOver(Arc<Inner>);

#[derive(Default)]
struct Inner {
    desk: PerProcess<Desk>,
    is_closed: AtomicBool,
}

#[derive(Default)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
    has_server: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Numbers the requests, so that an answer which comes too late is not taken for the next one's.
    number: u64,
    request: Option<HandedRequest>,
    answer: Option<Result<HandedAnswer, String>>,
}

impl HandOver {
    /// One that nobody serves yet.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The side of the thread that sends.
    pub fn server(&self) -> Server {
        Server(Arc::clone(&self.0))
    }

    /// Has a request sent. The error is a sentence for the log; `None` if there is no answer in time.
    pub(super) fn post(&self, request: HandedRequest) -> Option<Result<HandedAnswer, String>> {
        let until = Instant::now() + request.timeout + GRACE;
        let desk = self.0.desk();
        let mut state = desk.lock();
        state.number += 1;
        state.request = Some(request);
        state.answer = None;
        let number = state.number;
        desk.changed.notify_all();
        while state.number == number && state.answer.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = desk.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.number != number {
            return None;
        }
        // What nobody has begun to send is not sent any more.
        state.request = None;
        state.answer.take()
    }
}

impl Drop for HandOver {
    fn drop(&mut self) {
        self.0.is_closed.store(true, Ordering::Release);
        if let Some(desk) = self.0.desk.get() {
            // Those who wait hold the lock until they do.
            drop(desk.lock());
            desk.changed.notify_all();
        }
    }
}

/// The side of the thread that sends.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

impl Server {
    /// Whether the exporter is gone.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed.load(Ordering::Acquire)
    }

    /// Whether it falls to the caller to start the thread of this process. Answers so once, unless
    /// [taken back](Self::not_started).
    pub fn wants_thread(&self) -> bool {
        !self.is_closed() && !self.0.desk().has_server.swap(true, Ordering::AcqRel)
    }

    /// No thread could be started.
    pub fn not_started(&self) {
        self.0.desk().has_server.store(false, Ordering::Release);
    }

    /// Waits for a request, and gives its number; `None` once the exporter is gone.
    pub fn next(&self) -> Option<(u64, HandedRequest)> {
        let desk = self.0.desk();
        let mut state = desk.lock();
        while !self.is_closed() {
            if let Some(request) = state.request.take() {
                return Some((state.number, request));
            }
            state = desk.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    /// What became of the request of that number.
    pub fn answer(&self, number: u64, answer: Result<HandedAnswer, String>) {
        let desk = self.0.desk();
        let mut state = desk.lock();
        if state.number == number {
            state.answer = Some(answer);
            desk.changed.notify_all();
        }
    }
}

impl Inner {
    fn desk(&self) -> &Desk {
        self.desk.get_or_build(Desk::default)
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn request(timeout: Duration) -> HandedRequest {
        HandedRequest { url: "http://collector/".to_owned(), headers: Vec::new(), body: b"x".to_vec(), timeout }
    }

    fn answer(status: u16) -> Result<HandedAnswer, String> {
        Ok(HandedAnswer { status, retry_after: None, content_type: String::new(), body: Vec::new() })
    }

    const SOON: Duration = Duration::from_secs(20);

    #[test]
    fn a_request_is_sent_by_the_other_thread_which_leaves_with_the_exporter() {
        let exporter = HandOver::new();
        let server = exporter.server();
        assert!(server.wants_thread() && !server.wants_thread());
        let thread = thread::spawn(move || {
            while let Some((number, request)) = server.next() {
                assert_eq!(request.body, b"x");
                server.answer(number, answer(200));
            }
        });
        for _ in 0..2 {
            assert_eq!(exporter.post(request(SOON)).unwrap().unwrap().status, 200);
        }
        drop(exporter);
        thread.join().unwrap();
    }

    #[test]
    fn an_answer_that_comes_too_late_is_nobodys() {
        let exporter = HandOver::new();
        let server = exporter.server();
        assert!(exporter.post(request(Duration::ZERO)).is_none());
        let late = thread::spawn({
            let server = server.clone();
            move || server.next().unwrap().0
        });
        assert!(exporter.post(request(Duration::ZERO)).is_none());
        let late = late.join().unwrap();
        let thread = thread::spawn(move || {
            let (number, _) = server.next().unwrap();
            server.answer(late, answer(500));
            server.answer(number, answer(200));
        });
        assert_eq!(exporter.post(request(SOON)).unwrap().unwrap().status, 200);
        thread.join().unwrap();
    }
}
