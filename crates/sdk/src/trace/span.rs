//! The span: its Python object, and the operations on its state that the ABI and the Python methods share.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use otel_rs_core::guard::guarded;
use otel_rs_pipeline::clock;
use otel_rs_pipeline::trace::{Event, SpanContext, SpanLimits, SpanRecord, Status};
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::pyclass::{PyTraverseError, PyVisit};
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

use super::fields::{self, Fields};
use super::{TracerState, context, span_read, span_type, span_write};
use crate::attributes::display;
use crate::lifecycle::recorded_at;

/// What leaving a `with` block by an exception does to the span.
#[derive(Clone, Copy)]
pub struct OnException {
    /// Adds an `exception` event.
    pub record: bool,
    /// Sets the status to an error.
    pub set_status: bool,
}

/// Whether a change was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// It was.
    Made,
    /// The span does not record.
    NotRecording,
    /// The span has ended.
    Ended,
}

/// A span. `otel_rs_sdk.Span` derives from it and from `opentelemetry.trace.Span`, and is what everybody sees.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", name = "NativeSpan", frozen, subclass)]
pub struct Span {
    tracer: Arc<TracerState>,
    context: SpanContext,
    /// Nobody but the span holds the record until the end; afterwards nobody changes it. The lock is held for moments
    /// and never while Python code can run.
    record: Option<Mutex<Arc<SpanRecord>>>,
    on_exception: OnException,
    python_context: PyOnceLock<Py<PyAny>>,
    /// What Python code holds and writes besides the methods.
    pub(super) fields: Fields,
}

impl Span {
    /// A span; without a record it does not record.
    pub fn new(
        tracer: Arc<TracerState>,
        context: SpanContext,
        record: Option<SpanRecord>,
        on_exception: OnException,
    ) -> Self {
        let record = record.map(|record| Mutex::new(Arc::new(record)));
        Self { tracer, context, record, on_exception, python_context: PyOnceLock::new(), fields: Fields::default() }
    }

    /// The context.
    pub fn context(&self) -> &SpanContext {
        &self.context
    }

    /// The limits of its provider.
    pub fn limits(&self) -> &SpanLimits {
        &self.tracer.provider.limits
    }

    /// The tracer that started it.
    pub fn tracer(&self) -> &TracerState {
        &self.tracer
    }

    /// Changes a span that has not ended. `change` must not run Python code.
    pub fn change(&self, change: impl FnOnce(&mut SpanRecord)) -> Change {
        let Some(record) = &self.record else { return Change::NotRecording };
        let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
        match Arc::get_mut(&mut record) {
            Some(record) if record.end_ns.is_none() => {
                change(record);
                Change::Made
            }
            _ => Change::Ended,
        }
    }

    /// Reads the span. `read` must not run Python code.
    pub fn read<T>(&self, read: impl FnOnce(&SpanRecord) -> T) -> Option<T> {
        let record = self.record.as_ref()?;
        Some(read(&record.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// The record, if the span has ended.
    pub fn finished(&self) -> Option<Arc<SpanRecord>> {
        let record = self.record.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        record.end_ns.is_some().then(|| Arc::clone(&record))
    }

    /// Changes the record also if the span has ended, where `is_made` says that a change is not there yet. What others
    /// have of a finished one is superseded. Neither function may run Python code.
    pub fn rewrite<T>(
        &self,
        mut changes: Vec<T>,
        is_made: impl Fn(&T, &SpanRecord) -> bool,
        make: impl Fn(T, &mut SpanRecord),
    ) {
        let Some(record) = &self.record else { return };
        let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
        changes.retain(|change| !is_made(change, &record));
        if changes.is_empty() {
            return;
        }
        if let Some(own) = Arc::get_mut(&mut record) {
            changes.into_iter().for_each(|change| make(change, own));
            return;
        }
        let mut copy = SpanRecord::clone(&record);
        changes.into_iter().for_each(|change| make(change, &mut copy));
        let copy = Arc::new(copy);
        record.supersede(Some(Arc::clone(&copy)));
        *record = copy;
    }

    /// Changes attributes.
    pub fn change_attributes(&self, py: Python<'_>, change: impl FnOnce(&mut SpanRecord)) -> Change {
        self.change_field(py, fields::ATTRIBUTES, change)
    }

    /// Adds an event.
    pub fn push_event(&self, py: Python<'_>, event: Event) -> Change {
        self.change_field(py, fields::EVENTS, |record| record.add_event(event, self.limits()))
    }

    /// Sets the status by the rules of the API.
    pub fn set_status(&self, py: Python<'_>, status: Status) -> Change {
        self.change_field(py, fields::STATUS, |record| record.set_status(status))
    }

    /// Renames the span.
    pub fn update_name(&self, name: Cow<'static, str>) -> Change {
        self.change(|record| record.name = name)
    }

    /// Whether it takes changes.
    pub fn is_recording(&self) -> bool {
        self.read(|record| record.end_ns.is_none()).unwrap_or(false)
    }
}

/// Ends a span at the given time, or now, and hands it to the processors.
pub fn end(span: &Bound<'_, Span>, time_ns: Option<u64>) -> Change {
    let (this, end_ns) = (span.get(), time_ns.unwrap_or_else(clock::now_ns));
    let outcome = this.change(|record| record.end_ns = Some(end_ns));
    if outcome == Change::Made {
        let processors = &this.tracer.provider.processors;
        processors.on_ending(span);
        processors.on_end(span);
        recorded_at(span.py(), end_ns);
    }
    outcome
}

#[guarded]
#[pymethods]
impl Span {
    #[new]
    #[pyo3(signature = (*_arguments, **_options))]
    fn python_new(_arguments: &Bound<'_, PyTuple>, _options: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        span_type::take_new().ok_or_else(|| PyTypeError::new_err("Span must be instantiated via a tracer."))
    }

    #[pyo3(signature = (end_time=None))]
    fn end(slf: &Bound<'_, Self>, end_time: Option<&Bound<'_, PyAny>>) {
        span_write::end(slf, end_time);
    }

    fn get_span_context<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(context) = self.held(py, fields::CONTEXT) {
            return Ok(context);
        }
        if let Some(context) = self.python_context.get(py) {
            return Ok(context.bind(py).clone());
        }
        // Made first and set then: a signal handler or a finalizer may run meanwhile and ask for it too.
        let context = context::to_python(py, &self.context)?;
        let _ = self.python_context.set(py, context.unbind());
        self.python_context.get(py).map_or_else(
            || Err(PyRuntimeError::new_err("the context of a span was not kept")),
            |context| Ok(context.bind(py).clone()),
        )
    }

    fn set_attributes(&self, py: Python<'_>, attributes: &Bound<'_, PyAny>) {
        span_write::set_attributes(py, self, attributes);
    }

    fn set_attribute(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) {
        span_write::set_attribute(self, key, value);
    }

    #[pyo3(signature = (name, attributes=None, timestamp=None))]
    fn add_event(
        &self,
        name: &Bound<'_, PyAny>,
        attributes: Option<&Bound<'_, PyAny>>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) {
        span_write::add_event(self, name, attributes, timestamp);
    }

    #[pyo3(signature = (context, attributes=None))]
    fn add_link(&self, context: &Bound<'_, PyAny>, attributes: Option<&Bound<'_, PyAny>>) {
        span_write::add_link(self, context, attributes);
    }

    #[pyo3(name = "update_name")]
    fn python_update_name(&self, name: &Bound<'_, PyAny>) {
        span_write::update_name(self, name);
    }

    #[pyo3(name = "is_recording")]
    fn python_is_recording(&self) -> bool {
        self.is_recording()
    }

    #[pyo3(name = "set_status", signature = (status, description=None))]
    fn python_set_status(&self, status: &Bound<'_, PyAny>, description: Option<&Bound<'_, PyAny>>) {
        span_write::set_status(self, status, description);
    }

    #[pyo3(signature = (exception, attributes=None, timestamp=None, escaped=None))]
    fn record_exception(
        &self,
        exception: &Bound<'_, PyAny>,
        attributes: Option<&Bound<'_, PyAny>>,
        timestamp: Option<&Bound<'_, PyAny>>,
        escaped: Option<&Bound<'_, PyAny>>,
    ) {
        // As its text, whatever it is, as in the stock SDK.
        let escaped = escaped.map_or_else(|| "False".to_owned(), display);
        span_write::record_exception(self, exception, attributes, timestamp, &escaped);
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __exit__(
        slf: &Bound<'_, Self>,
        exc_type: &Bound<'_, PyAny>,
        exc_val: &Bound<'_, PyAny>,
        exc_tb: &Bound<'_, PyAny>,
    ) {
        let _ = (exc_type, exc_tb);
        span_write::exit(slf, exc_val, slf.get().on_exception);
    }

    #[getter]
    fn name(&self) -> String {
        self.read(|record| record.name.clone().into_owned()).unwrap_or_default()
    }

    #[getter]
    #[pyo3(name = "context")]
    fn python_context<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.get_span_context(py)
    }

    #[getter]
    fn kind<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        span_read::kind(
            py,
            &self.read(|record| record.kind.clone()).unwrap_or(otel_rs_pipeline::trace::SpanKind::Internal),
        )
    }

    #[getter]
    fn parent<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let parent = self.read(|record| record.parent.clone()).flatten();
        parent.map(|parent| context::to_python(py, &parent)).transpose()
    }

    #[getter]
    fn start_time(&self) -> Option<u64> {
        self.read(|record| record.start_ns)
    }

    #[getter]
    fn end_time(&self) -> Option<u64> {
        self.read(|record| record.end_ns).flatten()
    }

    #[getter]
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.held(py, fields::STATUS) {
            Some(status) => Ok(status),
            None => span_read::status(py, &self.read(|record| record.status.clone()).unwrap_or_default()),
        }
    }

    #[getter]
    fn attributes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        span_read::attributes(py, self)
    }

    #[getter]
    fn events<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        span_read::events(slf)
    }

    #[getter]
    fn links<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        span_read::links(slf)
    }

    #[getter]
    fn resource<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        span_read::resource(py, self)
    }

    #[getter]
    fn instrumentation_scope<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        span_read::scope(py, self)
    }

    #[getter]
    fn dropped_attributes(slf: &Bound<'_, Self>) -> u32 {
        fields::settle(slf);
        slf.get().read(|record| record.attributes.dropped()).unwrap_or(0)
    }

    #[getter]
    fn dropped_events(&self) -> u32 {
        self.read(|record| record.dropped_events).unwrap_or(0)
    }

    #[getter]
    fn dropped_links(&self) -> u32 {
        self.read(|record| record.dropped_links).unwrap_or(0)
    }

    #[pyo3(signature = (indent=Some(4)))]
    fn to_json(slf: &Bound<'_, Self>, indent: Option<usize>) -> String {
        fields::settle(slf);
        span_read::to_json(slf.get(), indent)
    }

    /// A private field, as Python code is to have it.
    fn _field<'py>(slf: &Bound<'py, Self>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        fields::get(slf, name)
    }

    /// Writes a private field.
    fn _set_field(slf: &Bound<'_, Self>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        fields::set(slf, name, value)
    }

    /// Notes that Python code has written into what it holds of a private field.
    fn _written(slf: &Bound<'_, Self>) {
        fields::written(slf);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.fields.held.traverse(&visit)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let context = slf.get().get_span_context(slf.py())?.repr()?;
        Ok(format!("{}(name=\"{}\", context={context})", slf.get_type().name()?, slf.get().name()?))
    }
}
