//! JSON, letter for letter as Python's `json.dumps` writes it (`ensure_ascii`, float repr, separators).

use std::fmt::Write;

use super::AttributeValue;
use super::otel::hex;

/// Widest indentation of a level, in spaces: a text of any use is narrower.
const MAX_INDENT: usize = 256;

/// The JSON text of a value, on one line or indented by `indent` spaces per level, 256 at most. Bytes are hexadecimal
/// strings.
pub fn to_json(value: &AttributeValue, indent: Option<usize>) -> String {
    let mut writer = Writer { out: String::new(), indent: indent.map(|indent| indent.min(MAX_INDENT)), depth: 0 };
    writer.value(value);
    writer.out
}

struct Writer {
    out: String,
    indent: Option<usize>,
    depth: usize,
}

impl Writer {
    fn value(&mut self, value: &AttributeValue) {
        match value {
            AttributeValue::Null => self.out.push_str("null"),
            AttributeValue::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            AttributeValue::I64(value) => self.display(value),
            AttributeValue::F64(value) => self.float(*value),
            AttributeValue::Str(text) => self.string(text),
            AttributeValue::Stack(stack) => self.string(&stack.to_text()),
            AttributeValue::Bytes(bytes) => self.string(&hex(bytes)),
            AttributeValue::Array(items) => self.sequence('[', ']', items, Self::value),
            AttributeValue::Map(entries) => self.sequence('{', '}', entries, |writer, (key, value)| {
                writer.string(key);
                writer.out.push_str(": ");
                writer.value(value);
            }),
        }
    }

    fn sequence<T>(&mut self, open: char, close: char, items: &[T], item: impl Fn(&mut Self, &T)) {
        self.out.push(open);
        self.depth += 1;
        for (index, element) in items.iter().enumerate() {
            if index > 0 {
                self.out.push_str(if self.indent.is_some() { "," } else { ", " });
            }
            self.newline();
            item(self, element);
        }
        self.depth -= 1;
        if !items.is_empty() {
            self.newline();
        }
        self.out.push(close);
    }

    fn newline(&mut self) {
        if let Some(indent) = self.indent {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', indent * self.depth));
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for character in text.chars() {
            match character {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                ' '..='~' => self.out.push(character),
                _ => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        self.display(format_args!("\\u{unit:04x}"));
                    }
                }
            }
        }
        self.out.push('"');
    }

    fn float(&mut self, value: f64) {
        match value {
            _ if value.is_nan() => self.out.push_str("NaN"),
            f64::INFINITY => self.out.push_str("Infinity"),
            f64::NEG_INFINITY => self.out.push_str("-Infinity"),
            _ => self.out.push_str(&float_repr(value)),
        }
    }

    fn display(&mut self, value: impl std::fmt::Display) {
        // Writing to a `String` does not fail.
        let _ = write!(self.out, "{value}");
    }
}

/// Python's `repr` of a finite float: the shortest digits that read back, an exponent below 1e-4 and from 1e16.
pub fn float_repr(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}
