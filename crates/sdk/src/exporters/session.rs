//! Exporters whose requests a session of the application's sends (`requests.Session`, or one that signs them).
//!
//! A thread that Python knows runs the session: an export thread never does. It waits detached, as the one that logs,
//! and is no obstacle to the end of the process. It starts when the first record of a process has been made.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use otel_rs_core::guard::{Swallow, guarded};
use otel_rs_pipeline::export::{HandOver, HandedAnswer, HandedRequest, Server};
use otel_rs_pipeline::process::thread;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::lifecycle::start_new_thread;

/// A session, as the function that posts with it, and where its requests come from.
struct Session {
    server: Server,
    post: Py<PyAny>,
}

static SESSIONS: Mutex<Vec<Session>> = Mutex::new(Vec::new());
static HAS_SESSIONS: AtomicBool = AtomicBool::new(false);

/// Has a session send the requests of an exporter. `post` is called with URL, headers, body and the seconds that it may
/// take, and gives status, `Retry-After` or `None`, `Content-Type` and the beginning of the body.
pub(super) fn hand_over(post: Bound<'_, PyAny>) -> Arc<HandOver> {
    let hand_over = HandOver::new();
    let session = Session { server: hand_over.server(), post: post.unbind() };
    let mut sessions = SESSIONS.lock().unwrap_or_else(PoisonError::into_inner);
    let gone: Vec<_> = sessions.extract_if(.., |session| session.server.is_closed()).collect();
    sessions.push(session);
    drop(sessions);
    HAS_SESSIONS.store(true, Ordering::Release);
    // Their objects may run code when they are dropped.
    drop(gone);
    hand_over
}

/// Starts the threads of this process that are not there yet. One atomic load where there is no session.
pub fn start_threads(py: Python<'_>) -> PyResult<()> {
    if !HAS_SESSIONS.load(Ordering::Acquire) {
        return Ok(());
    }
    let wanted: Vec<_> = {
        let sessions = SESSIONS.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = sessions.iter().filter(|session| session.server.wants_thread());
        wanted.map(|session| (session.server.clone(), session.post.clone_ref(py))).collect()
    };
    for (server, post) in wanted {
        let session = NativeSession { server: server.clone() };
        let started = Bound::new(py, session).and_then(|session| {
            let serve = py.import("otel_rs_sdk._sessions")?.getattr("serve")?;
            let start = start_new_thread(py)?;
            thread::without_signals(|| start.call1((serve, (session, post))))
        });
        if let Err(error) = started {
            server.not_started();
            Err(error).swallow(py)
        } else {
            Some(())
        };
    }
    Ok(())
}

/// The thread's side of a session.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", name = "NativeSession", frozen)]
pub struct NativeSession {
    server: Server,
}

#[guarded]
#[pymethods]
impl NativeSession {
    /// Sends requests with `post` until the exporter is gone.
    fn serve(&self, py: Python<'_>, post: &Bound<'_, PyAny>) {
        while let Some((number, request)) = py.detach(|| self.server.next()) {
            let answer = send(post, request);
            py.detach(|| self.server.answer(number, answer));
        }
    }
}

fn send(post: &Bound<'_, PyAny>, request: HandedRequest) -> Result<HandedAnswer, String> {
    let HandedRequest { url, headers, body, timeout } = request;
    let py = post.py();
    let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name, PyBytes::new(py, &value))).collect();
    let answer = post.call1((url, headers, PyBytes::new(py, &body), timeout.as_secs_f64()));
    let answer = answer.and_then(|answer| answer.extract::<(u16, Option<String>, String, Vec<u8>)>());
    match answer {
        Ok((status, retry_after, content_type, body)) => Ok(HandedAnswer { status, retry_after, content_type, body }),
        // Whatever it is: this thread belongs to nobody whom it could concern.
        Err(error) => Err(error.to_string()),
    }
}
