//! Standard output, for console exporters, and standard error, for what no log takes.
//!
//! Those of `std::io` have locks, which a forked child inherits in whatever state they are; descriptors have none. What
//! the application has closed or reused gets an error or the text, as from any program that prints.

use std::io::{self, Write};

/// Writes a text to standard output, at once.
///
/// # Errors
///
/// Those of `write(2)`: the other end of a pipe is closed, say.
pub fn print(text: &str) -> io::Result<()> {
    #[cfg(unix)]
    return descriptor(1).write_all(text.as_bytes());
    #[cfg(not(unix))]
    return io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
}

/// Writes a line to standard error. Nobody is there to be told of an error.
pub(crate) fn print_error(line: &str) {
    let line = format!("{line}\n");
    #[cfg(unix)]
    let _ = descriptor(2).write_all(line.as_bytes());
    #[cfg(not(unix))]
    let _ = io::stderr().write_all(line.as_bytes());
}

#[cfg(unix)]
fn descriptor(number: std::os::fd::RawFd) -> std::mem::ManuallyDrop<std::fs::File> {
    use std::os::fd::FromRawFd;
    // SAFETY: the file is never dropped, so that the descriptor stays open and belongs to the process as before.
    std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(number) })
}
