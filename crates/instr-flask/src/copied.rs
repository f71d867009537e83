//! Copies of a request context, which run in other threads and greenlets.
//!
//! Nothing is current there. What was when the copy was made is current again while the copy is pushed, unless whoever
//! started the thread or greenlet has brought a span along.

use std::sync::{Mutex, MutexGuard, PoisonError};

use otel_rs_core::context::{self, Token};
use otel_rs_core::guard::{Swallow, guarded};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyWeakrefReference};

use crate::FUNCTIONS;
use crate::hooks::quietly;

/// What stands in for `push` and `pop` of a copy.
#[guarded]
#[pyclass(frozen, module = "otel_rs_instr_flask")]
struct Carried {
    /// The copy, which refers to this.
    request_context: Py<PyWeakrefReference>,
    context: Py<PyAny>,
    /// One for each push that has attached the context and is not popped.
    tokens: Mutex<Vec<Token>>,
}

/// Lets a copy of a request context carry what is current now.
pub(crate) fn carry(copy: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = copy.py();
    let context = context::current(py)?;
    if context::span_in(&context)?.is_none() {
        return Ok(());
    }
    let carried = Carried {
        request_context: PyWeakrefReference::new(copy)?.unbind(),
        context: context.unbind(),
        tokens: Mutex::default(),
    };
    let carried = Bound::new(py, carried)?;
    copy.setattr(intern!(py, "push"), carried.getattr(intern!(py, "push"))?)?;
    copy.setattr(intern!(py, "pop"), carried.getattr(intern!(py, "pop"))?)
}

impl Carried {
    fn attach(&self, py: Python<'_>) -> PyResult<()> {
        if FUNCTIONS.is_installed() && context::span_in(&context::current(py)?)?.is_none() {
            let token = context::attach(self.context.bind(py))?;
            self.tokens().push(token);
        }
        Ok(())
    }

    /// Pushes in several threads may have come at once; a token fits in its own.
    fn detach(&self, py: Python<'_>) {
        let current = context::current(py);
        if !current.swallow(py).is_some_and(|current| current.is(&self.context)) {
            return;
        }
        let mut tokens = std::mem::take(&mut *self.tokens());
        let mut others = Vec::new();
        while let Some(token) = tokens.pop() {
            match context::try_detach(py, token) {
                None => break,
                Some(token) => others.push(token),
            }
        }
        tokens.extend(others.into_iter().rev());
        self.tokens().splice(0..0, tokens);
    }

    fn tokens(&self) -> MutexGuard<'_, Vec<Token>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the method of the copy's class.
    fn call<'py>(
        &self,
        method: &str,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = args.py();
        match self.request_context.bind(py).upgrade() {
            Some(request_context) => {
                let method = request_context.get_type().getattr(method)?;
                let args =
                    (request_context,).into_pyobject(py)?.as_sequence().concat(args.as_sequence())?.to_tuple()?;
                method.call(args, kwargs)
            }
            None => Ok(py.None().into_bound(py)),
        }
    }
}

#[guarded]
#[pymethods]
impl Carried {
    #[pyo3(signature = (*args, **kwargs))]
    fn push<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = args.py();
        quietly(py, "a copied request context", self.attach(py));
        self.call("push", args, kwargs).inspect_err(|_| self.detach(py))
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn pop<'py>(&self, args: &Bound<'py, PyTuple>, kwargs: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        let result = self.call("pop", args, kwargs);
        self.detach(args.py());
        result
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.context)
    }
}
