use super::*;
use crate::queue::Over;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exports within a time of its own.
struct Slow {
    takes: Duration,
    exported: Arc<AtomicBool>,
}

struct Exporting(Instant, Arc<AtomicBool>);

impl Pending for Exporting {
    fn wait(&mut self, at_most: Duration) -> Option<bool> {
        thread::sleep(at_most.min(self.0.saturating_duration_since(Instant::now())));
        if Instant::now() < self.0 {
            return None;
        }
        self.1.store(true, Ordering::Release);
        Some(true)
    }
}

impl Drain for Slow {
    fn has_queued(&self) -> bool {
        !self.exported.load(Ordering::Acquire)
    }

    fn begin_export(&self) -> Box<dyn Pending> {
        Box::new(Over(true))
    }

    fn begin_last_export(&self, _deadline: Instant) -> Box<dyn Pending> {
        Box::new(Exporting(Instant::now() + self.takes, Arc::clone(&self.exported)))
    }
}

fn slow(millis: u64) -> (Arc<dyn Drain>, Arc<AtomicBool>) {
    let exported = Arc::default();
    let drain: Arc<dyn Drain> =
        Arc::new(Slow { takes: Duration::from_millis(millis), exported: Arc::clone(&exported) });
    register(&drain);
    (drain, exported)
}

/// One test, as the registry is one for the process.
#[test]
fn all_that_is_registered_is_drained_side_by_side() {
    let begin = Instant::now();
    assert!(drain(Duration::from_secs(60), Then::Close));
    let kept = [slow(100_000), slow(400), slow(400), slow(400)];
    let (forgotten, never) = slow(100_000);
    unregister(&forgotten);
    assert!(!drain(Duration::from_secs(1), Then::Close));
    let exported: Vec<_> = kept.iter().map(|(_, exported)| exported.load(Ordering::Acquire)).collect();
    assert_eq!(exported, [false, true, true, true]);
    assert!(!never.load(Ordering::Acquire));
    assert!(begin.elapsed() < Duration::from_secs(30));
}
