//! TCP connections that notice when their descriptor is no longer theirs.
//!
//! A program that makes itself a daemon closes all descriptors, those of others included, and the numbers go to files of
//! its own. A connection that is kept between two exports must then neither write into such a file nor close it.

use std::fmt;
use std::io::{self, Read, Write};
use std::mem::ManuallyDrop;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};

use super::tls::{TlsConnector, TlsSettings};

/// The shortest time that one of several addresses gets.
const MIN_PER_ADDRESS: Duration = Duration::from_millis(10);

/// Connections as those of [`ureq`]'s own connector: through a proxy, over TCP, with TLS where the scheme asks for it.
pub(super) fn connector(tls: TlsSettings) -> impl Connector {
    ().chain(ConnectProxyConnector::default()).chain(TcpConnector).chain(TlsConnector::new(tls))
}

#[derive(Debug)]
struct TcpConnector;

impl<In: Transport> Connector<In> for TcpConnector {
    type Out = Either<In, TcpTransport>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        if let Some(connection) = chained {
            return Ok(Some(Either::A(connection)));
        }
        let stream = connect(&details.addrs, details.timeout)?;
        stream.set_nodelay(details.config.no_delay())?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(TcpTransport { socket: Socket::new(stream)?, buffers })))
    }
}

/// Tries one address after the other; what is left of the time is shared among those that are left.
fn connect(addresses: &[SocketAddr], timeout: NextTimeout) -> Result<TcpStream, Error> {
    let deadline = timeout.not_zero().map(|timeout| Instant::now() + *timeout);
    let mut failure = Error::ConnectionFailed;
    for (index, address) in addresses.iter().enumerate() {
        let outcome = match deadline {
            None => TcpStream::connect(address),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                let share = left / u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
                TcpStream::connect_timeout(address, share.max(MIN_PER_ADDRESS))
            }
        };
        match outcome {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = timed_out(error, timeout),
        }
    }
    Err(failure)
}

fn timed_out(error: io::Error, timeout: NextTimeout) -> Error {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Error::Timeout(timeout.reason),
        _ => Error::Io(error),
    }
}

struct TcpTransport {
    socket: Socket,
    buffers: LazyBuffers,
}

impl Transport for TcpTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        let mut stream = self.socket.stream()?;
        stream.set_write_timeout(left(timeout)?)?;
        stream.write_all(&self.buffers.output()[..amount]).map_err(|error| timed_out(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        let mut stream = self.socket.stream()?;
        let at_most = left(timeout)?;
        let begin = Instant::now();
        stream.set_read_timeout(at_most)?;
        // A simple processor reads in the application's thread, where a signal interrupts it.
        let read = loop {
            match stream.read(self.buffers.input_append_buf()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    if at_most.is_some_and(|at_most| begin.elapsed() >= at_most) {
                        return Err(Error::Timeout(timeout.reason));
                    }
                }
                outcome => break outcome.map_err(|error| timed_out(error, timeout))?,
            }
        };
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    /// Something to read in between is an end, or nothing that was asked for.
    fn is_open(&mut self) -> bool {
        let Ok(mut stream) = self.socket.stream() else { return false };
        stream.set_nonblocking(true).is_ok()
            && stream.read(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            && stream.set_nonblocking(false).is_ok()
    }
}

fn left(timeout: NextTimeout) -> Result<Option<Duration>, Error> {
    match timeout.not_zero() {
        Some(left) if left.is_zero() => Err(Error::Timeout(timeout.reason)),
        left => Ok(left.map(|left| *left)),
    }
}

impl fmt::Debug for TcpTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TcpTransport")
    }
}

/// A connection, and what the system calls it: a descriptor's number may have gone to something else.
struct Socket {
    stream: ManuallyDrop<TcpStream>,
    #[cfg(unix)]
    identity: (libc::dev_t, libc::ino_t),
}

impl Socket {
    fn new(stream: TcpStream) -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            identity: identity(&stream)?,
            stream: ManuallyDrop::new(stream),
        })
    }

    fn is_ours(&self) -> bool {
        #[cfg(unix)]
        return identity(&self.stream).is_ok_and(|identity| identity == self.identity);
        #[cfg(not(unix))]
        return true;
    }

    fn stream(&self) -> io::Result<&TcpStream> {
        if self.is_ours() {
            Ok(&self.stream)
        } else {
            Err(io::Error::new(io::ErrorKind::NotConnected, "the application has closed the connection"))
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.is_ours() {
            // SAFETY: dropped here only, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.stream) };
        }
    }
}

#[cfg(unix)]
fn identity(stream: &TcpStream) -> io::Result<(libc::dev_t, libc::ino_t)> {
    use std::os::fd::AsRawFd;
    // SAFETY: the structure is filled by the call, and read after its success only.
    unsafe {
        let mut status: libc::stat = std::mem::zeroed();
        match libc::fstat(stream.as_raw_fd(), &raw mut status) {
            0 => Ok((status.st_dev, status.st_ino)),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs::File;
    use std::net::TcpListener;
    use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd};

    #[test]
    fn a_file_that_took_its_number_is_neither_used_nor_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = Socket::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap()).unwrap();
        assert!(socket.stream().is_ok());
        let number = socket.stream.as_raw_fd();
        let file = File::open("/dev/null").unwrap().into_raw_fd();
        // SAFETY: both are descriptors of this test.
        assert_eq!(unsafe { libc::dup2(file, number) }, number);
        assert!(socket.stream().is_err());
        drop(socket);
        // SAFETY: as above; the number is still the file's.
        assert!(unsafe { File::from_raw_fd(number) }.metadata().is_ok());
        // SAFETY: as above.
        drop(unsafe { File::from_raw_fd(file) });
    }
}
