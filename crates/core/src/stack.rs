//! The stack of the code that called us, as a value: places in code and never frames, which would keep the locals of
//! the application alive.
//!
//! What a capture notes of a frame is its code and its line. Source lines of plain files are left to whoever makes the
//! text, with the native SDK its export thread; those of other code (`exec`, zip files, notebooks, other encodings) are
//! asked of Python at once, as they may be gone later.

mod code;
mod text;

use std::sync::Arc;

use crate::guard::Swallow;
use crate::once;
use otel_rs_abi::{StackFrame, Str};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use pyo3::{ffi, intern};

use code::Code;
pub(crate) use text::to_python;

/// More of the same entry than these are counted instead of shown (`traceback._RECURSIVE_CUTOFF`).
const SHOWN_REPETITIONS: usize = 3;

/// A stack, the outermost frame first.
#[derive(Debug)]
pub struct Stack(Vec<Place>);

/// Where a frame is.
#[derive(Debug)]
struct Place {
    code: Arc<Code>,
    /// Negative if there is none.
    line: i32,
    /// The source line, if it is not in a plain file.
    source: String,
}

impl Stack {
    /// What `traceback.format_stack(limit)[:-1]` shows in a Python function that is called here. Of the frames with that
    /// function's, these are the `limit` innermost ones, or outermost ones if it is negative, without the last entry. No
    /// limit is `sys.tracebacklimit`, if there is one.
    ///
    /// # Errors
    ///
    /// What is no `Exception` (`KeyboardInterrupt`), raised while the source of code without a file is looked up.
    pub fn capture(py: Python<'_>, limit: Option<i64>) -> PyResult<Self> {
        let size = |limit: i64| usize::try_from(limit).unwrap_or(usize::MAX);
        match limit.or_else(|| traceback_limit(py)) {
            None => Self::of(frames(py, usize::MAX)),
            Some(limit @ 0..) => Self::of(frames(py, size(limit).saturating_sub(1))),
            Some(limit) => {
                let outermost = size(limit.saturating_neg());
                let mut frames = frames(py, usize::MAX);
                frames.drain(..frames.len().saturating_sub(outermost));
                // The function's own frame is not among these: the last entry is one of the application's.
                let is_cut = frames.len() == outermost;
                let mut stack = Self::of(frames)?;
                if is_cut {
                    stack.drop_last_entry();
                }
                Ok(stack)
            }
        }
    }

    /// As it crosses to the native SDK, for [`otel_rs_abi::Value::stack`].
    pub fn to_abi(&self) -> Vec<StackFrame<'_>> {
        self.0.iter().map(Place::to_abi).collect()
    }

    /// Of frames that come innermost first.
    fn of(frames: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        frames.iter().rev().map(Place::of).collect::<PyResult<_>>().map(Self)
    }

    /// An entry is a frame, or the note that counts the repetitions of one.
    fn drop_last_entry(&mut self) {
        let Some(last) = self.0.last() else { return };
        let same = self.0.iter().rev().take_while(|place| place.is_same_entry(last)).count();
        let dropped = same.saturating_sub(SHOWN_REPETITIONS).max(1);
        self.0.truncate(self.0.len() - dropped);
    }
}

impl Place {
    fn of(frame: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (object, line) = position(frame)?;
        let code = Code::of(&object)?;
        let source = if code.in_file { String::new() } else { source_line(frame, line)? };
        Ok(Self { code, line, source })
    }

    fn to_abi(&self) -> StackFrame<'_> {
        StackFrame {
            file: Str::borrowed(&self.code.file),
            function: Str::borrowed(&self.code.function),
            line: self.line,
            in_file: self.code.in_file,
            source: Str::borrowed(&self.source),
        }
    }

    /// An entry without a line number is like no other, as in Python.
    fn is_same_entry(&self, other: &Self) -> bool {
        self.line == other.line
            && (self.line >= 0 || std::ptr::eq(self, other))
            && self.code.file == other.code.file
            && self.code.function == other.code.function
    }
}

/// At most `count` frames of the calling Python code, the innermost first.
fn frames(py: Python<'_>, count: usize) -> Vec<Bound<'_, PyAny>> {
    let mut frames = Vec::with_capacity(count.min(32));
    // SAFETY: the thread is attached, so it has a state; the frame that comes is a new reference or null.
    let mut next = unsafe {
        let frame = ffi::PyThreadState_GetFrame(ffi::PyThreadState_Get());
        Bound::from_owned_ptr_or_opt(py, frame.cast())
    };
    while let Some(frame) = next.take()
        && frames.len() < count
    {
        next = frame.getattr(intern!(py, "f_back")).swallow(py).filter(|outer| !outer.is_none());
        frames.push(frame);
    }
    frames
}

/// The code of a frame, and its line.
fn position<'py>(frame: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, i32)> {
    let pointer = frame.as_ptr().cast::<ffi::PyFrameObject>();
    // SAFETY: `frame` came from the interpreter as a frame; its code is never null and comes as a new reference.
    unsafe {
        let code = Bound::from_owned_ptr_or_err(frame.py(), ffi::PyFrame_GetCode(pointer).cast())?;
        Ok((code, ffi::PyFrame_GetLineNumber(pointer)))
    }
}

/// `sys.tracebacklimit`; a negative one is 0.
fn traceback_limit(py: Python<'_>) -> Option<i64> {
    let limit = py.import("sys").and_then(|sys| sys.getattr_opt(intern!(py, "tracebacklimit"))).swallow(py)??;
    limit.extract::<i64>().swallow(py).map(|limit| limit.max(0))
}

/// The source line of a frame as `traceback` finds it, with the loader of the frame's module.
fn source_line(frame: &Bound<'_, PyAny>, line: i32) -> PyResult<String> {
    static EXTRACT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = frame.py();
    let extract = || -> PyResult<String> {
        let extract = once::get_or_compute(&EXTRACT, py, || -> PyResult<_> {
            Ok(py.import("traceback")?.getattr("StackSummary")?.getattr("extract")?.unbind())
        })?;
        let options = PyDict::new(py);
        options.set_item(intern!(py, "limit"), 1)?;
        let line = (line >= 0).then_some(line);
        let summary = extract.bind(py).call(([(frame, line)],), Some(&options))?.get_item(0)?;
        let source = summary.getattr(intern!(py, "line"))?;
        Ok(if source.is_none() { String::new() } else { source.str()?.to_string_lossy().into_owned() })
    };
    match extract() {
        // A loader of the application's that raises has no source to show.
        Err(error) if error.is_instance_of::<PyException>(py) => Ok(String::new()),
        result => result,
    }
}
