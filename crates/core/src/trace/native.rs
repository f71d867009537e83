//! Spans of the native SDK, through its table.

use otel_rs_abi::{KeyValue, RemoteParent, SpanOut, SpanStart, Status, StatusCode, Str, Table};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::{Span, SpanBuilder};
use crate::context;
use crate::guard;
use crate::native::{NativeProvider, Owned};
use crate::provider::Scope;

pub(super) struct NativeTracer {
    table: &'static Table,
    tracer: Owned,
    _provider: NativeProvider,
}

impl NativeTracer {
    pub(super) fn new(provider: NativeProvider, scope: Scope) -> PyResult<Self> {
        let table = provider.table();
        let scope = scope.to_abi();
        let tracer = Owned::create(table.tracer_release, |out| {
            // SAFETY: the provider is retained, the scope and the out parameter live through the call.
            unsafe { (table.tracer_get)(provider.handle(), &raw const scope, out) }
        })
        .ok_or_else(|| PyRuntimeError::new_err("the native SDK gave no tracer"))?;
        Ok(Self { table, tracer, _provider: provider })
    }

    pub(super) fn start<'py>(&self, py: Python<'py>, builder: &SpanBuilder<'_, 'py>) -> PyResult<Span> {
        let remote = builder.remote_parent.map(|remote| RemoteParent {
            trace_id: remote.trace_id,
            span_id: remote.span_id,
            trace_flags: remote.trace_flags,
            trace_state: Str::borrowed(&remote.trace_state),
        });
        let parent = match remote {
            Some(_) => None,
            None => context::span_in(builder.context)?,
        };
        let start = SpanStart {
            name: Str::borrowed(builder.name),
            kind: builder.kind,
            start_time_ns: builder.start_time_ns.unwrap_or(0),
            remote_parent: remote.as_ref().map_or(std::ptr::null(), std::ptr::from_ref),
            parent_span: parent.as_ref().map_or(std::ptr::null_mut(), |span| span.as_ptr().cast()),
            parent_context: builder.context.as_ptr().cast(),
            attributes: builder.attributes.as_ptr(),
            attributes_len: builder.attributes.len(),
        };
        let mut out = SpanOut { span: std::ptr::null_mut(), is_recording: false };
        // SAFETY: the tracer is owned; everything that `start` points to outlives the call.
        let status = unsafe { (self.table.span_start)(self.tracer.handle(), &raw const start, &raw mut out) };
        keep_interrupt(py, status);
        if status == Status::Failed || out.span.is_null() {
            return Err(PyErr::take(py).unwrap_or_else(|| PyRuntimeError::new_err("the native SDK started no span")));
        }
        // SAFETY: a span that comes out is a new reference to a Python object.
        let object = unsafe { Bound::from_owned_ptr(py, out.span.cast()) };
        Ok(Span::native(self.table, object.unbind(), out.is_recording))
    }
}

/// The calls on a span object of the native SDK. Each answers whether it was done.
#[derive(Clone, Copy)]
pub(super) struct NativeSpan(pub &'static Table);

impl NativeSpan {
    pub(super) fn set_attributes(self, span: &Bound<'_, PyAny>, attributes: &[KeyValue<'_>]) -> bool {
        // SAFETY: the span is a live Python object and the attributes outlive the call.
        unsafe {
            (self.0.span_set_attributes)(span.as_ptr().cast(), attributes.as_ptr(), attributes.len()) == Status::Ok
        }
    }

    pub(super) fn set_status(self, span: &Bound<'_, PyAny>, code: StatusCode, description: &str) -> bool {
        let description = Str::borrowed(description);
        // SAFETY: as above.
        unsafe { (self.0.span_set_status)(span.as_ptr().cast(), code, &raw const description) == Status::Ok }
    }

    pub(super) fn add_event(self, span: &Bound<'_, PyAny>, name: &'static str, attributes: &[KeyValue<'_>]) -> bool {
        let name = Str::from_static(name);
        let (attributes, len) = (attributes.as_ptr(), attributes.len());
        // SAFETY: as above.
        unsafe { (self.0.span_add_event)(span.as_ptr().cast(), &raw const name, 0, attributes, len) == Status::Ok }
    }

    pub(super) fn end(self, span: &Bound<'_, PyAny>, time_ns: Option<u64>) -> bool {
        // SAFETY: as above.
        let status = unsafe { (self.0.span_end)(span.as_ptr().cast(), time_ns.unwrap_or(0)) };
        keep_interrupt(span.py(), status);
        status != Status::Failed
    }
}

/// Takes over what the SDK has let pass.
fn keep_interrupt(py: Python<'_>, status: Status) {
    if status == Status::Interrupted
        && let Some(error) = PyErr::take(py)
    {
        guard::pass_on(py, &error);
    }
}
