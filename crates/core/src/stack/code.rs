//! What is to know of a code object, found out once.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;
use rustc_hash::FxHashMap;

/// When more code than this is known, all of it is forgotten: a program may make code without end.
const MAX_KNOWN: usize = 4096;
/// A declaration of the encoding further into the first two lines is not looked for, in bytes.
const MAX_HEAD: u64 = 16 << 10;

/// The facts that an entry of a stack shows.
#[derive(Debug)]
pub(super) struct Code {
    pub file: String,
    pub function: String,
    /// Whether the file is plain: an absolute path of a regular file in UTF-8, so that its lines can be read without
    /// Python.
    pub in_file: bool,
}

struct Known {
    code: Arc<Code>,
    /// Held, so that no other code gets its address.
    _object: Py<PyAny>,
}

/// By the address of the code object. Locked for moments, and never while Python code can run.
static KNOWN: Mutex<Option<FxHashMap<usize, Known>>> = Mutex::new(None);

fn known() -> MutexGuard<'static, Option<FxHashMap<usize, Known>>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Code {
    /// The facts of a code object.
    pub(super) fn of(object: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        let address = object.as_ptr() as usize;
        if let Some(known) = known().as_ref().and_then(|known| known.get(&address)) {
            return Ok(Arc::clone(&known.code));
        }
        let code = Arc::new(Self::read(object)?);
        let entry = Known { code: Arc::clone(&code), _object: object.clone().unbind() };
        let forgotten = {
            let mut known = known();
            let full = known.as_ref().is_some_and(|known| known.len() >= MAX_KNOWN);
            let forgotten = if full { known.take() } else { None };
            known.get_or_insert_default().insert(address, entry);
            forgotten
        };
        // Letting go of code may run Python code, so it comes after the lock.
        drop(forgotten);
        Ok(code)
    }

    fn read(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        let file = object.getattr(intern!(py, "co_filename"))?.cast_into::<PyString>()?;
        let function = object.getattr(intern!(py, "co_name"))?.cast_into::<PyString>()?;
        Ok(Self {
            in_file: file.to_str().is_ok_and(is_plain_file),
            file: shown_name(py, &file.to_string_lossy()).to_owned(),
            function: function.to_string_lossy().into_owned(),
        })
    }
}

/// From Python 3.13 on each input of an interactive session has a name of its own, which is not shown.
fn shown_name<'a>(py: Python<'_>, file: &'a str) -> &'a str {
    let is_input = file.starts_with("<stdin>-") && py.version_info() >= (3, 13);
    if is_input { "<stdin>" } else { file }
}

fn is_plain_file(path: &str) -> bool {
    Path::new(path).is_absolute()
        && fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
        && File::open(path).is_ok_and(|file| declares_utf8(BufReader::new(file)))
}

/// Whether the first two lines declare no other encoding (PEP 263). What only looks like a declaration counts as one:
/// Python is asked then.
fn declares_utf8(file: impl BufRead) -> bool {
    let mut file = file.take(MAX_HEAD);
    let mut line = Vec::new();
    for _ in 0..2 {
        line.clear();
        if file.read_until(b'\n', &mut line).is_err() {
            return false;
        }
        for start in (0..line.len()).filter(|start| line[*start..].starts_with(b"coding")) {
            let Some((b':' | b'=', rest)) = line[start + b"coding".len()..].split_first() else { continue };
            let rest = rest.trim_ascii_start();
            let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
            let name = &rest[..rest.iter().position(|byte| !is_name(byte)).unwrap_or(rest.len())];
            if ![&b""[..], b"utf-8", b"utf8", b"utf_8"].iter().any(|known| name.eq_ignore_ascii_case(known)) {
                return false;
            }
        }
    }
    true
}
