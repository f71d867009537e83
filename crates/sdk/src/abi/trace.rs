//! The tracing functions of the table.

use std::sync::Arc;

use otel_rs_abi::{Handle, KeyValue, PyObjectPtr, RemoteParent, ScopeDef, SpanOut, SpanStart, Status, StatusCode, Str};
use otel_rs_core::{guard, log};
use otel_rs_pipeline::clock;
use otel_rs_pipeline::trace::{self, Event, Scope, SpanContext, SpanKind, TraceFlags};
use pyo3::prelude::*;

use super::attributes::{collect, slice, string, value};
use super::{Provider, borrow, into_handle, release, retained};
use crate::trace::{AttributeSource, Change, NewSpan, OnException, Span, TracerState, end, from_span, start};

pub(super) unsafe extern "C" fn tracer_get(
    provider: Handle,
    scope: *const ScopeDef<'_>,
    tracer: *mut Handle,
) -> Status {
    guard::guard_or("tracer_get", Status::Failed, || {
        // SAFETY: the caller passes a live provider handle, a scope and a place for the answer.
        let (provider, scope) = unsafe { (borrow::<Provider>(provider), scope.as_ref()) };
        let (Some(Provider::Tracer(provider)), Some(scope)) = (provider, scope) else { return Status::Failed };
        let scope = Scope {
            name: string(&scope.name),
            version: string(&scope.version),
            schema_url: string(&scope.schema_url),
            attributes: Default::default(),
        };
        let state = Arc::new(TracerState::new(Arc::clone(provider), scope));
        // SAFETY: as above.
        unsafe { tracer.write(into_handle(state)) };
        Status::Ok
    })
}

pub(super) unsafe extern "C" fn tracer_release(tracer: Handle) {
    // SAFETY: the handle came from `tracer_get` and is given back once.
    guard::guard("tracer_release", || unsafe { release::<TracerState>(tracer) });
}

pub(super) unsafe extern "C" fn span_start(tracer: Handle, new: *const SpanStart<'_>, out: *mut SpanOut) -> Status {
    let status = guard::guard_or("span_start", Status::Failed, || {
        if out.is_null() {
            return Status::Failed;
        }
        // SAFETY: the caller is attached to the interpreter, as for every function of the table.
        let py = unsafe { Python::assume_attached() };
        // SAFETY: the handle is null, or came from `tracer_get` and is live.
        let Some(tracer) = (unsafe { retained::<TracerState>(tracer) }) else { return Status::Failed };
        // SAFETY: the caller's structure and all that it points to live during the call.
        let Some(new) = (unsafe { new.as_ref() }) else { return Status::Failed };
        // SAFETY: as above.
        match unsafe { start_span(py, &tracer, new) } {
            Ok(span) => {
                let is_recording = span.get().is_recording();
                // SAFETY: `out` is the caller's place for the answer.
                unsafe { out.write(SpanOut { span: span.into_ptr().cast(), is_recording }) };
                Status::Ok
            }
            Err(error) => {
                if !guard::pass_on(py, &error) {
                    log::error_once(py, "span_start", &format!("A span could not be started: {error}"));
                }
                Status::Failed
            }
        }
    });
    hand_over(status)
}

/// # Safety
///
/// What `new` points to lives during the call, and its Python objects are live.
unsafe fn start_span<'py>(
    py: Python<'py>,
    tracer: &Arc<TracerState>,
    new: &SpanStart<'_>,
) -> PyResult<Bound<'py, Span>> {
    // SAFETY: the caller's remote parent lives during the call.
    let parent = match unsafe { new.remote_parent.as_ref() } {
        Some(remote) => Some(remote_context(remote)).filter(SpanContext::is_valid),
        None => match borrowed(py, &new.parent_span) {
            Some(span) => from_span(&span)?,
            None => None,
        },
    };
    let parent_context = borrowed(py, &new.parent_context);
    // SAFETY: the caller's attributes live during the call.
    let attributes = unsafe { slice(new.attributes, new.attributes_len) };
    let new = NewSpan {
        name: string(&new.name),
        kind: kind(new.kind),
        parent,
        parent_context: parent_context.as_deref(),
        attributes: AttributeSource::Abi(attributes),
        links: None,
        start_ns: (new.start_time_ns != 0).then_some(new.start_time_ns),
        on_exception: OnException { record: true, set_status: true },
    };
    start(py, tracer, new)
}

pub(super) unsafe extern "C" fn span_set_attributes(
    span: PyObjectPtr,
    attributes: *const KeyValue<'_>,
    len: usize,
) -> Status {
    with_span("span_set_attributes", span, |span| {
        // SAFETY: the caller's attributes live during the call.
        let attributes = unsafe { slice(attributes, len) };
        let (py, span) = (span.py(), span.get());
        span.change_attributes(py, |record| {
            for attribute in attributes {
                record.set_attribute(string(&attribute.key), value(&attribute.value), span.limits());
            }
        });
    })
}

pub(super) unsafe extern "C" fn span_set_status(
    span: PyObjectPtr,
    code: StatusCode,
    description: *const Str<'_>,
) -> Status {
    with_span("span_set_status", span, |span| {
        // SAFETY: the description is null or lives during the call.
        let description = unsafe { description.as_ref() }.filter(|text| !text.as_str().is_empty()).map(string);
        let status = match code {
            StatusCode::Unset => return,
            StatusCode::Ok => trace::Status { code: trace::StatusCode::Ok, description: None },
            StatusCode::Error => trace::Status { code: trace::StatusCode::Error, description },
        };
        span.get().set_status(span.py(), status);
    })
}

pub(super) unsafe extern "C" fn span_update_name(span: PyObjectPtr, name: *const Str<'_>) -> Status {
    with_span("span_update_name", span, |span| {
        // SAFETY: the name is null or lives during the call.
        if let Some(name) = unsafe { name.as_ref() } {
            span.get().update_name(string(name));
        }
    })
}

pub(super) unsafe extern "C" fn span_add_event(
    span: PyObjectPtr,
    name: *const Str<'_>,
    time_ns: u64,
    attributes: *const KeyValue<'_>,
    len: usize,
) -> Status {
    with_span("span_add_event", span, |span| {
        // SAFETY: name and attributes live during the call.
        let (name, attributes) = unsafe { (name.as_ref(), slice(attributes, len)) };
        let (Some(name), py, span) = (name, span.py(), span.get()) else { return };
        span.push_event(
            py,
            Event {
                name: string(name),
                time_ns: if time_ns == 0 { clock::now_ns() } else { time_ns },
                attributes: collect(attributes, span.limits().event_attributes()),
            },
        );
    })
}

pub(super) unsafe extern "C" fn span_end(span: PyObjectPtr, time_ns: u64) -> Status {
    let status = with_span("span_end", span, |span| {
        let _: Change = end(span, (time_ns != 0).then_some(time_ns));
    });
    hand_over(status)
}

/// Gives an interrupt that came out of Python code to the caller, which is no entry from Python that could raise it.
fn hand_over(status: Status) -> Status {
    let Some(error) = guard::interrupt() else { return status };
    // SAFETY: the caller is attached to the interpreter, as for every function of the table.
    error.restore(unsafe { Python::assume_attached() });
    Status::Interrupted
}

/// Runs `body` if the object is one of our spans.
fn with_span(what: &'static str, span: PyObjectPtr, body: impl FnOnce(&Bound<'_, Span>)) -> Status {
    guard::guard_or(what, Status::Failed, || {
        // SAFETY: the caller is attached to the interpreter, as for every function of the table.
        let py = unsafe { Python::assume_attached() };
        let Some(object) = borrowed(py, &span) else { return Status::Failed };
        match object.cast::<Span>() {
            Ok(span) => {
                body(&span);
                Status::Ok
            }
            Err(_) => Status::Failed,
        }
    })
}

/// The object that a caller lends for the call.
fn borrowed<'a, 'py>(py: Python<'py>, object: &'a PyObjectPtr) -> Option<Borrowed<'a, 'py, PyAny>> {
    // SAFETY: the pointer is null or a live object that the caller keeps alive during the call.
    unsafe { Borrowed::from_ptr_or_opt(py, object.cast()) }
}

fn remote_context(remote: &RemoteParent<'_>) -> SpanContext {
    let trace_state = remote.trace_state.as_str();
    SpanContext {
        trace_id: remote.trace_id,
        span_id: remote.span_id,
        trace_flags: TraceFlags(remote.trace_flags),
        is_remote: true,
        trace_state: (!trace_state.is_empty()).then(|| trace_state.into()),
    }
}

fn kind(kind: otel_rs_abi::SpanKind) -> SpanKind {
    match kind {
        otel_rs_abi::SpanKind::Internal => SpanKind::Internal,
        otel_rs_abi::SpanKind::Server => SpanKind::Server,
        otel_rs_abi::SpanKind::Client => SpanKind::Client,
        otel_rs_abi::SpanKind::Producer => SpanKind::Producer,
        otel_rs_abi::SpanKind::Consumer => SpanKind::Consumer,
    }
}
