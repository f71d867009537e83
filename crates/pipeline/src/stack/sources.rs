//! Lines of source files, read when asked for and kept while their files stay as they are.

use std::cell::Cell;
use std::fs;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rustc_hash::FxHashMap;

use crate::process::PerProcess;

/// When more than this is kept, in bytes, all of it is forgotten.
const MAX_KEPT: usize = 4 << 20;
/// What a kept line takes besides its text, roughly.
const LINE_OVERHEAD: usize = 64;
/// A larger file is no source that anybody wrote, in bytes.
const MAX_FILE: u64 = 64 << 20;

static FILES: PerProcess<Mutex<Files>> = PerProcess::new();
static NEXT_LOOK: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The look that this thread is having; 0 for none.
    static LOOK: Cell<u64> = const { Cell::new(0) };
}

#[derive(Default)]
struct Files {
    by_path: FxHashMap<Box<str>, File>,
    kept: usize,
}

#[derive(Default)]
struct File {
    version: Option<Version>,
    /// The look that found this version last.
    look: u64,
    /// The lines that were asked for, stripped; empty where there is none.
    lines: FxHashMap<i32, Box<str>>,
}

/// What changes when a file does, as `linecache.checkcache` sees it.
type Version = (Option<SystemTime>, u64);

/// While it lives, this thread looks once whether a source file has changed, and not once for each line.
#[derive(Debug)]
pub struct OneLook {
    outer: u64,
    /// It belongs to its thread.
    not_send: PhantomData<*const ()>,
}

/// Starts a look at the files; inside of another one it is part of that.
pub fn one_look() -> OneLook {
    let outer = LOOK.get();
    if outer == 0 {
        LOOK.set(NEXT_LOOK.fetch_add(1, Ordering::Relaxed));
    }
    OneLook { outer, not_send: PhantomData }
}

impl Drop for OneLook {
    fn drop(&mut self) {
        LOOK.set(self.outer);
    }
}

/// Calls `body` with a line of a file, stripped, unless there is no such line or it is empty. A file that is not UTF-8
/// has no lines.
pub(super) fn with_line(path: &str, number: i32, body: impl FnOnce(&str)) {
    let look = LOOK.get();
    if look != 0
        && let Some(file) = lock().by_path.get(path).filter(|file| file.look == look)
        && let Some(line) = file.lines.get(&number)
    {
        return body(line);
    }
    // Files are read outside the lock, which is held for moments only.
    let version = version_of(path);
    let mut files = lock();
    let file = files.confirm(path, version, look);
    if version.is_none() {
        return;
    }
    if let Some(line) = file.lines.get(&number) {
        return body(line);
    }
    drop(files);
    let line = read_line(path, number).unwrap_or_default();
    body(&line);
    lock().keep(path, version, number, line);
}

fn lock() -> MutexGuard<'static, Files> {
    FILES.get_or_build(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

impl Files {
    /// The file, without its lines if it has changed.
    fn confirm(&mut self, path: &str, version: Option<Version>, look: u64) -> &mut File {
        if !self.by_path.contains_key(path) {
            self.by_path.insert(path.into(), File::default());
            self.kept += path.len() + LINE_OVERHEAD;
        }
        let file = self.by_path.entry(path.into()).or_default();
        file.look = look;
        if file.version != version {
            file.version = version;
            file.lines.clear();
        }
        file
    }

    /// Keeps a line of that version, unless another thread has seen a newer one.
    fn keep(&mut self, path: &str, version: Option<Version>, number: i32, line: Box<str>) {
        self.kept += line.len() + LINE_OVERHEAD;
        if self.kept > MAX_KEPT {
            *self = Self::default();
        } else if let Some(file) = self.by_path.get_mut(path)
            && file.version == version
        {
            file.lines.insert(number, line);
        }
    }
}

/// Nothing if it is no file that can be read.
fn version_of(path: &str) -> Option<Version> {
    let metadata = fs::metadata(path).ok()?;
    let readable = metadata.is_file() && metadata.len() <= MAX_FILE;
    readable.then(|| (metadata.modified().ok(), metadata.len()))
}

fn read_line(path: &str, number: i32) -> Option<Box<str>> {
    let bytes = fs::read(path).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    let line = nth_line(text.strip_prefix('\u{feff}').unwrap_or(text), number)?;
    Some(line.trim_matches(is_space).into())
}

/// A line by its number from 1, with the line ends that Python knows: `\n`, `\r\n` and `\r`.
fn nth_line(text: &str, number: i32) -> Option<&str> {
    let mut rest = text;
    for _ in 1..number {
        let end = rest.find(['\n', '\r'])?;
        rest = &rest[end..];
        rest = rest.strip_prefix("\r\n").unwrap_or(&rest[1..]);
    }
    (number > 0).then(|| rest.split(['\n', '\r']).next().unwrap_or_default())
}

/// `str.isspace` of one character: Unicode white space and the four information separators.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}
