//! Attribute keys and values as they cross the boundary, all borrowed.

use std::marker::PhantomData;

/// A borrowed UTF-8 string: `len` bytes at `ptr`, without a terminating NUL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str<'a> {
    ptr: *const u8,
    len: usize,
    is_static: bool,
    lifetime: PhantomData<&'a str>,
}

// SAFETY: it is a `&str` in parts: shared, and nothing changes what it points to.
unsafe impl Send for Str<'_> {}
// SAFETY: as above.
unsafe impl Sync for Str<'_> {}

impl<'a> Str<'a> {
    /// A string that the receiver copies if it keeps it.
    pub const fn borrowed(text: &'a str) -> Self {
        Self { ptr: text.as_ptr(), len: text.len(), is_static: false, lifetime: PhantomData }
    }

    /// A string that lives as long as the process, so that the receiver may keep it without a copy. The libraries that
    /// hold such strings are never unloaded by CPython.
    pub const fn from_static(text: &'static str) -> Self {
        Self { ptr: text.as_ptr(), len: text.len(), is_static: true, lifetime: PhantomData }
    }

    /// The text.
    pub fn as_str(&self) -> &'a str {
        // SAFETY: both constructors take `ptr` and `len` from one `&str` that lives for `'a`.
        unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(self.ptr, self.len)) }
    }

    /// The text for the life of the process, if the sender said that it lives that long.
    pub fn as_static(&self) -> Option<&'static str> {
        self.is_static.then(|| {
            // SAFETY: `is_static` is set by `from_static` alone, whose argument is a `&'static str`.
            unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(self.ptr, self.len)) }
        })
    }
}

/// Which member of [`ValueData`] a [`Value`] carries.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueTag {
    /// Python's `None`.
    Null = 0,
    /// A boolean.
    Bool = 1,
    /// A signed 64-bit integer.
    I64 = 2,
    /// A double.
    F64 = 3,
    /// A string.
    Str = 4,
    /// A list of strings.
    StrList = 5,
    /// A stack trace. Who receives it makes the text, when it is needed and where no request waits for it.
    Stack = 6,
}

#[repr(C)]
#[derive(Clone, Copy)]
union ValueData<'a> {
    boolean: bool,
    integer: i64,
    double: f64,
    string: Str<'a>,
    list: List<Str<'a>>,
    stack: List<StackFrame<'a>>,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct List<T> {
    ptr: *const T,
    len: usize,
}

// SAFETY: it is a slice in parts, as `Str` is a `str`.
unsafe impl<T: Sync> Send for List<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for List<T> {}

/// One entry of a stack trace.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct StackFrame<'a> {
    /// Name of the source file.
    pub file: Str<'a>,
    /// Name of the function.
    pub function: Str<'a>,
    /// Line in the file, from 1; negative if there is none.
    pub line: i32,
    /// Whether `file` is the absolute path of a regular file in UTF-8, out of which the receiver reads the line.
    pub in_file: bool,
    /// The source line without the white space around it, where it does not come from such a file; else empty.
    pub source: Str<'a>,
}

/// An attribute value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Value<'a> {
    tag: ValueTag,
    data: ValueData<'a>,
}

impl<'a> Value<'a> {
    /// Python's `None`.
    pub const NULL: Self = Self { tag: ValueTag::Null, data: ValueData { integer: 0 } };

    /// A list of strings.
    pub const fn list(items: &'a [Str<'a>]) -> Self {
        Self { tag: ValueTag::StrList, data: ValueData { list: List { ptr: items.as_ptr(), len: items.len() } } }
    }

    /// A stack trace, the outermost frame first.
    pub const fn stack(frames: &'a [StackFrame<'a>]) -> Self {
        Self { tag: ValueTag::Stack, data: ValueData { stack: List { ptr: frames.as_ptr(), len: frames.len() } } }
    }

    /// Which of the `as_*` accessors answers.
    pub const fn tag(&self) -> ValueTag {
        self.tag
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.tag {
            // SAFETY: the tag names the member that was written.
            ValueTag::Bool => Some(unsafe { self.data.boolean }),
            _ => None,
        }
    }

    /// The integer, if it is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self.tag {
            // SAFETY: the tag names the member that was written.
            ValueTag::I64 => Some(unsafe { self.data.integer }),
            _ => None,
        }
    }

    /// The double, if it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self.tag {
            // SAFETY: the tag names the member that was written.
            ValueTag::F64 => Some(unsafe { self.data.double }),
            _ => None,
        }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<Str<'a>> {
        match self.tag {
            // SAFETY: the tag names the member that was written.
            ValueTag::Str => Some(unsafe { self.data.string }),
            _ => None,
        }
    }

    /// The strings, if it is a list of them.
    pub fn as_list(&self) -> Option<&'a [Str<'a>]> {
        (self.tag == ValueTag::StrList).then(|| {
            // SAFETY: the tag names the member that was written, from a slice that lives for `'a`.
            unsafe { std::slice::from_raw_parts(self.data.list.ptr, self.data.list.len) }
        })
    }

    /// The frames, outermost first, if it is a stack trace.
    pub fn as_stack(&self) -> Option<&'a [StackFrame<'a>]> {
        (self.tag == ValueTag::Stack).then(|| {
            // SAFETY: the tag names the member that was written, from a slice that lives for `'a`.
            unsafe { std::slice::from_raw_parts(self.data.stack.ptr, self.data.stack.len) }
        })
    }
}

impl From<bool> for Value<'_> {
    fn from(boolean: bool) -> Self {
        Self { tag: ValueTag::Bool, data: ValueData { boolean } }
    }
}

impl From<i64> for Value<'_> {
    fn from(integer: i64) -> Self {
        Self { tag: ValueTag::I64, data: ValueData { integer } }
    }
}

impl From<f64> for Value<'_> {
    fn from(double: f64) -> Self {
        Self { tag: ValueTag::F64, data: ValueData { double } }
    }
}

impl<'a> From<Str<'a>> for Value<'a> {
    fn from(string: Str<'a>) -> Self {
        Self { tag: ValueTag::Str, data: ValueData { string } }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Str::borrowed(text).into()
    }
}

/// One attribute.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct KeyValue<'a> {
    /// The key. Semantic-convention keys are static.
    pub key: Str<'a>,
    /// The value.
    pub value: Value<'a>,
}

impl<'a> KeyValue<'a> {
    /// An attribute whose key lives as long as the process.
    pub fn new(key: &'static str, value: impl Into<Value<'a>>) -> Self {
        Self { key: Str::from_static(key), value: value.into() }
    }

    /// An attribute whose key was made at run time.
    pub fn with_key(key: &'a str, value: impl Into<Value<'a>>) -> Self {
        Self { key: Str::borrowed(key), value: value.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_answers_to_its_own_tag_alone() {
        let value = Value::from(7_i64);
        assert_eq!((value.as_i64(), value.as_f64(), value.as_bool()), (Some(7), None, None));
        assert!(value.as_str().is_none() && value.as_list().is_none());
    }

    #[test]
    fn a_list_keeps_its_strings() {
        let items = [Str::borrowed("a"), Str::from_static("b")];
        let value = Value::list(&items);
        let texts: Vec<_> = value.as_list().into_iter().flatten().map(Str::as_str).collect();
        assert_eq!(texts, ["a", "b"]);
    }

    #[test]
    fn a_stack_keeps_its_frames() {
        let empty = Str::borrowed("");
        let frame = StackFrame { file: Str::borrowed("f"), function: empty, line: 7, in_file: true, source: empty };
        let frames = [frame];
        let value = Value::stack(&frames);
        let lines: Vec<_> = value.as_stack().into_iter().flatten().map(|frame| frame.line).collect();
        assert_eq!(lines, [7]);
        assert!(value.as_list().is_none() && Value::list(&[]).as_stack().is_none());
    }

    #[test]
    fn only_a_static_string_may_be_kept() {
        let owned = String::from("run time");
        assert_eq!(Str::borrowed(&owned).as_static(), None);
        assert_eq!(Str::from_static("link time").as_static(), Some("link time"));
    }
}
