//! Standard output for console exporters.

use std::io::{self, Write};

/// Writes a text to standard output, at once.
///
/// `std::io::stdout` has a lock, which a forked child inherits in whatever state it is; a descriptor has none.
///
/// # Errors
///
/// Those of `write(2)`: the other end of a pipe is closed, say.
#[cfg(unix)]
pub fn write(text: &str) -> io::Result<()> {
    use std::fs::File;
    use std::mem::ManuallyDrop;
    use std::os::fd::FromRawFd;

    // SAFETY: the file is never dropped, so that the descriptor stays open and belongs to the process as before. One
    // that the application has closed or reused gets an error or the text, as from any program that prints.
    let mut out = ManuallyDrop::new(unsafe { File::from_raw_fd(1) });
    out.write_all(text.as_bytes())
}

/// Writes a text to standard output, at once.
///
/// # Errors
///
/// Those of standard output.
#[cfg(not(unix))]
pub fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
