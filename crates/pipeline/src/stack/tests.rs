use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::*;

/// A file in the temporary folder, removed in the end.
struct Source(PathBuf);

impl Source {
    fn new(name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = std::env::temp_dir().join(format!("otel-rs-stack-{}-{name}.py", std::process::id()));
        fs::write(&path, content).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn line(&self, number: i32) -> String {
        let mut found = String::new();
        sources::with_line(self.path(), number, |line| found = line.to_owned());
        found
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn stack(frames: &[(&str, &str, i32, &str)]) -> StackTrace {
    let mut stack = StackTrace::with_capacity(frames.len());
    for (file, function, line, source) in frames {
        stack.push(file, function, *line, SourceLine::Known(source));
    }
    stack
}

#[test]
fn entries_are_pythons_with_a_blank_line_between() {
    let stack = stack(&[("a.py", "outer", 1, "inner()"), ("<string>", "<module>", -1, "")]);
    assert_eq!(
        stack.to_text(),
        "  File \"a.py\", line 1, in outer\n    inner()\n\n  File \"<string>\", line None, in <module>\n"
    );
    assert_eq!(StackTrace::default().to_text(), "");
}

#[test]
fn repetitions_are_counted() {
    let entry = "  File \"a\", line 1, in f\n";
    let shown = [entry; 3].join("\n");
    assert_eq!(stack(&[("a", "f", 1, ""); 3]).to_text(), shown);
    assert_eq!(stack(&[("a", "f", 1, ""); 4]).to_text(), format!("{shown}\n  [Previous line repeated 1 more time]\n"));
    let mut frames = vec![("a", "f", 1, ""); 6];
    frames.push(("a", "g", 1, ""));
    let expected = format!("{shown}\n  [Previous line repeated 3 more times]\n\n  File \"a\", line 1, in g\n");
    assert_eq!(stack(&frames).to_text(), expected);
    assert_eq!(stack(&[("a", "f", -1, ""); 5]).to_text(), ["  File \"a\", line None, in f\n"; 5].join("\n"));
}

#[test]
fn a_limit_counts_characters_of_the_text() {
    let mut stack = stack(&[("ä.py", "outer", 1, "inner()")]);
    stack.truncate(10);
    stack.truncate(100);
    assert_eq!(stack.to_text(), "  File \"ä.");
}

#[test]
fn lines_come_from_the_file() {
    let source = Source::new("lines", "\u{feff}first\n\n\t third \u{c}\r\nfourth\rfifth\r\n\u{c}last\u{1f}");
    let lines: Vec<_> = (-1..9).map(|number| source.line(number)).collect();
    assert_eq!(lines, ["", "", "first", "", "third", "fourth", "fifth", "last", "", ""]);
    let mut stack = StackTrace::with_capacity(1);
    stack.push(source.path(), "f", 5, SourceLine::InFile);
    assert_eq!(stack.to_text(), format!("  File \"{}\", line 5, in f\n    fifth\n", source.path()));
}

#[test]
fn what_is_no_text_has_no_lines() {
    assert_eq!(Source::new("latin", b"x = 1\n# \xe4\n").line(1), "");
    let mut called = false;
    sources::with_line("/nowhere/at/all.py", 1, |_| called = true);
    sources::with_line(std::env::temp_dir().to_str().unwrap(), 1, |_| called = true);
    assert!(!called);
}

#[test]
fn a_changed_file_is_read_again() {
    let source = Source::new("changed", "old\n");
    assert_eq!(source.line(1), "old");
    fs::write(source.path(), "newer\n").unwrap();
    assert_eq!(source.line(1), "newer");
    // The same size at another time.
    fs::write(source.path(), "later\n").unwrap();
    let file = fs::File::options().write(true).open(source.path()).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(5)).unwrap();
    assert_eq!(source.line(1), "later");
    fs::remove_file(source.path()).unwrap();
    assert_eq!(source.line(1), "");
    fs::write(source.path(), "back\n").unwrap();
    assert_eq!(source.line(1), "back");
}

#[test]
fn one_look_sees_one_version() {
    let source = Source::new("look", "old\n");
    {
        let _look = one_look();
        assert_eq!(source.line(1), "old");
        fs::write(source.path(), "changed\n").unwrap();
        let _inner = one_look();
        assert_eq!(source.line(1), "old");
    }
    assert_eq!(source.line(1), "changed");
}

#[test]
fn memory_is_bounded() {
    let line = "x".repeat(1 << 20);
    let source = Source::new("long", [line.as_str(); 8].join("\n"));
    for number in 1..=8 {
        assert_eq!(source.line(number).len(), line.len());
    }
    assert_eq!(source.line(1).len(), line.len());
}
