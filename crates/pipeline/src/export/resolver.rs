//! Looking up the collector's name, with one thread at most.
//!
//! A lookup cannot be interrupted, so it runs on a thread of its own that can be left alone. `ureq`'s own resolver leaves
//! one behind for each attempt while the name server is silent; here the next attempt waits for the lookup that is there.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::process::thread;

/// What `ureq` keeps of a name's addresses.
const MAX_ADDRESSES: usize = 16;

/// Looks up a host and port, blocking.
type LookUp = fn(&str) -> io::Result<Vec<SocketAddr>>;

/// The resolver of one exporter.
#[derive(Debug)]
pub(super) struct OneLookup {
    look_up: LookUp,
    running: Mutex<Option<Arc<Lookup>>>,
}

/// A lookup that has begun.
#[derive(Debug)]
struct Lookup {
    address: String,
    outcome: Mutex<Option<io::Result<Vec<SocketAddr>>>>,
    over: Condvar,
}

impl OneLookup {
    pub(super) fn new() -> Self {
        Self::with(|address| address.to_socket_addrs().map(Iterator::collect))
    }

    fn with(look_up: LookUp) -> Self {
        Self { look_up, running: Mutex::new(None) }
    }

    /// The addresses, unless there are none within the time.
    fn addresses(&self, address: String, within: Duration) -> io::Result<Vec<SocketAddr>> {
        // A numeric address needs no lookup and no thread.
        if let Ok(address) = address.parse() {
            return Ok(vec![address]);
        }
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let lookup = match &*running {
            Some(lookup) if lookup.address == address => Arc::clone(lookup),
            // The thread before it is left alone; with one collector and one proxy there is none.
            _ => Arc::clone(running.insert(self.begin(address)?)),
        };
        let outcome = lookup.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut outcome, _) = lookup
            .over
            .wait_timeout_while(outcome, within, |outcome| outcome.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        let outcome = outcome.take().ok_or(io::ErrorKind::TimedOut)?;
        *running = None;
        outcome
    }

    fn begin(&self, address: String) -> io::Result<Arc<Lookup>> {
        let lookup = Arc::new(Lookup { address, outcome: Mutex::new(None), over: Condvar::new() });
        let (told, look_up) = (Arc::clone(&lookup), self.look_up);
        thread::spawn("otel-rs-lookup", move || {
            let outcome = look_up(&told.address);
            *told.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
            told.over.notify_all();
        })?;
        Ok(lookup)
    }
}

impl Resolver for OneLookup {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else { return Err(Error::HostNotFound) };
        let address = DefaultResolver::host_and_port(scheme, authority).ok_or(Error::HostNotFound)?;
        let addresses = self.addresses(address, *timeout.after).map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => Error::Timeout(timeout.reason),
            _ => Error::Io(error),
        })?;
        let mut found = self.empty();
        for address in config.ip_family().keep_wanted(addresses.into_iter()).take(MAX_ADDRESSES) {
            found.push(address);
        }
        if found.is_empty() { Err(Error::HostNotFound) } else { Ok(found) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    static LOOKUPS: AtomicUsize = AtomicUsize::new(0);

    /// Takes a moment, as a name server that is asked again does.
    fn slow(_: &str) -> io::Result<Vec<SocketAddr>> {
        LOOKUPS.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(500));
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], 4318))])
    }

    #[test]
    fn attempts_that_time_out_share_one_lookup() {
        let resolver = OneLookup::with(slow);
        for _ in 0..20 {
            let error = resolver.addresses("collector:4318".to_owned(), Duration::from_millis(1)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
        assert_eq!(LOOKUPS.load(Ordering::Relaxed), 1);
        let addresses = resolver.addresses("collector:4318".to_owned(), Duration::from_secs(20)).unwrap();
        assert_eq!(addresses, [SocketAddr::from(([127, 0, 0, 1], 4318))]);
        // What was found is not kept: a collector may move.
        assert!(resolver.running.lock().unwrap().is_none());
    }

    #[test]
    fn numbers_are_not_looked_up() {
        let resolver = OneLookup::with(|_| Err(io::ErrorKind::Other.into()));
        for address in ["127.0.0.1:1", "[::1]:1"] {
            assert_eq!(resolver.addresses(address.to_owned(), Duration::ZERO).unwrap(), [address.parse().unwrap()]);
        }
    }

    #[test]
    fn a_real_name_is_found_and_a_wrong_one_is_not() {
        let resolver = OneLookup::new();
        let soon = Duration::from_secs(60);
        assert!(resolver.addresses("localhost:80".to_owned(), soon).unwrap().iter().all(|found| found.port() == 80));
        assert!(resolver.addresses("does-not-exist.invalid:80".to_owned(), soon).is_err());
    }
}
