//! Stack traces as values: kept as places in code, made into text when somebody reads them.
//!
//! The text is that of `traceback.format_list` of Python. Source lines are read here, so that neither reading nor
//! formatting takes time of a request: the text is made on an export thread, or for Python code that asks for it.

mod sources;
#[cfg(test)]
mod tests;

use std::fmt::Write;
use std::ops::Range;

pub use sources::{OneLook, one_look};

/// More of the same entry than these are counted instead of shown (`traceback._RECURSIVE_CUTOFF`).
const SHOWN_REPETITIONS: usize = 3;

/// A stack trace, the outermost frame first. It owns what it needs, and no object of Python's.
#[derive(Clone, Debug, Default)]
pub struct StackTrace {
    /// The texts of all frames, one after the other.
    text: String,
    frames: Vec<Frame>,
    max_length: Option<usize>,
}

/// Where the source line of a frame comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SourceLine<'a> {
    /// The file that the frame names: the absolute path of a regular file in UTF-8.
    InFile,
    /// It is this, without the white space around it; empty if it is not known.
    Known(&'a str),
}

#[derive(Clone, Debug)]
struct Frame {
    file: Range<u32>,
    function: Range<u32>,
    /// Nothing if the line is in the file.
    source: Option<Range<u32>>,
    line: i32,
}

impl StackTrace {
    /// An empty one with room for `frames`.
    pub fn with_capacity(frames: usize) -> Self {
        Self { text: String::with_capacity(frames * 32), frames: Vec::with_capacity(frames), max_length: None }
    }

    /// Adds the next inner frame. A negative line is an unknown one.
    pub fn push(&mut self, file: &str, function: &str, line: i32, source: SourceLine<'_>) {
        // Neighbours are often of one file.
        let file = match self.frames.last() {
            Some(last) if self.get(&last.file) == file => last.file.clone(),
            _ => self.keep(file),
        };
        let function = self.keep(function);
        let source = match source {
            SourceLine::InFile => None,
            SourceLine::Known(source) => Some(self.keep(source)),
        };
        self.frames.push(Frame { file, function, source, line });
    }

    /// Bounds the text to `length` characters.
    pub fn truncate(&mut self, length: usize) {
        self.max_length = Some(self.max_length.map_or(length, |max_length| max_length.min(length)));
    }

    /// The text: the entries of `traceback.format_list`, joined by newlines.
    pub fn to_text(&self) -> String {
        let _look = one_look();
        let mut out = String::with_capacity(self.frames.len() * 160);
        let mut repetitions = 0;
        let mut previous: Option<&Frame> = None;
        for frame in &self.frames {
            if !previous.is_some_and(|previous| self.is_same_entry(previous, frame)) {
                note_repetitions(&mut out, repetitions);
                repetitions = 0;
            }
            previous = Some(frame);
            repetitions += 1;
            if repetitions <= SHOWN_REPETITIONS {
                self.write_entry(&mut out, frame);
            }
        }
        note_repetitions(&mut out, repetitions);
        if let Some(length) = self.max_length
            && let Some((end, _)) = out.char_indices().nth(length)
        {
            out.truncate(end);
        }
        out
    }

    fn write_entry(&self, out: &mut String, frame: &Frame) {
        let file = self.get(&frame.file);
        start_entry(out);
        // Piece by piece: `write!` takes several times as long, and a stack has many entries.
        for piece in ["  File \"", file, "\", line "] {
            out.push_str(piece);
        }
        // Writing to a `String` does not fail.
        let _ = if frame.line < 0 { write!(out, "None") } else { write!(out, "{}", frame.line) };
        for piece in [", in ", self.get(&frame.function), "\n"] {
            out.push_str(piece);
        }
        match &frame.source {
            Some(source) => write_source(out, self.get(source)),
            None => sources::with_line(file, frame.line, |source| write_source(out, source)),
        }
    }

    /// An entry without a line number is like no other, as in Python.
    fn is_same_entry(&self, one: &Frame, other: &Frame) -> bool {
        one.line >= 0
            && one.line == other.line
            && self.get(&one.file) == self.get(&other.file)
            && self.get(&one.function) == self.get(&other.function)
    }

    fn keep(&mut self, text: &str) -> Range<u32> {
        let start = self.text.len();
        // Text beyond 4 GiB would be lost, which no stack reaches.
        if start + text.len() <= u32::MAX as usize {
            self.text.push_str(text);
        }
        start as u32..self.text.len() as u32
    }

    fn get(&self, range: &Range<u32>) -> &str {
        &self.text[range.start as usize..range.end as usize]
    }
}

/// Stacks with the same text, if the source does not change in between.
impl PartialEq for StackTrace {
    fn eq(&self, other: &Self) -> bool {
        let frames = |stack: &Self| -> Vec<_> {
            let text = |range: &Range<u32>| stack.get(range).to_owned();
            let frames = stack.frames.iter();
            frames.map(|f| (text(&f.file), text(&f.function), f.source.as_ref().map(text), f.line)).collect()
        };
        self.max_length == other.max_length && frames(self) == frames(other)
    }
}

/// Each entry ends in a newline, and entries are joined by one more.
fn start_entry(out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
}

fn note_repetitions(out: &mut String, repetitions: usize) {
    if repetitions > SHOWN_REPETITIONS {
        let hidden = repetitions - SHOWN_REPETITIONS;
        start_entry(out);
        let _ = writeln!(out, "  [Previous line repeated {hidden} more time{}]", if hidden > 1 { "s" } else { "" });
    }
}

fn write_source(out: &mut String, source: &str) {
    if !source.is_empty() {
        for piece in ["    ", source, "\n"] {
            out.push_str(piece);
        }
    }
}
