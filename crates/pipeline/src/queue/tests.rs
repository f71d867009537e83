use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

const LONG: Duration = Duration::from_secs(3600);
const SIGNAL: Signal = Signal {
    noun: "things",
    counted: true,
    export: "test.export",
    overflow: "test.overflow",
    shutdown: "test.shutdown",
    thread: "test.thread",
    advice: "Take fewer",
};
const SOON: Duration = Duration::from_secs(20);

impl Batched for u32 {
    /// Each hundred is a group.
    fn batches_with(&self, other: &Self) -> bool {
        self / 100 == other / 100
    }
}

/// What a test lets the exporter answer.
type Answer = Result<(), Option<Duration>>;

/// Tells of each batch, waits for the answer and fails as it says.
struct Scripted {
    batches: Sender<Vec<u32>>,
    answers: Receiver<Answer>,
    patience: Duration,
}

impl Sink<u32> for Scripted {
    fn export(&mut self, batch: Vec<u32>, _within: Option<Duration>) -> Result<(), Failure<u32>> {
        let _ = self.batches.send(batch.clone());
        match self.answers.recv() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(after)) => {
                Err(Failure { message: "busy".to_owned(), delivered: 0, retry: Some(Retry { items: batch, after }) })
            }
            Err(_) => Err("gone".to_owned().into()),
        }
    }

    fn patience(&self) -> Duration {
        self.patience
    }
}

struct Fixture {
    queue: Arc<BatchQueue<u32>>,
    drops: Arc<Drops>,
    batches: Receiver<Vec<u32>>,
    answers: Sender<Answer>,
    sink: Mutex<Option<Scripted>>,
}

impl Fixture {
    fn new(max_queue_size: usize, max_export_batch_size: usize) -> Self {
        Self::patient(max_queue_size, max_export_batch_size, LONG)
    }

    fn patient(max_queue_size: usize, max_export_batch_size: usize, patience: Duration) -> Self {
        let drops = Arc::new(Drops::new(&SIGNAL));
        let config = BatchConfig { max_queue_size, schedule_delay: LONG, max_export_batch_size };
        let (to_test, batches) = channel();
        let (answers, from_test) = channel();
        let sink = Mutex::new(Some(Scripted { batches: to_test, answers: from_test, patience }));
        Self { queue: BatchQueue::new(config, Arc::clone(&drops)), drops, batches, answers, sink }
    }

    fn start(&self) -> bool {
        self.sink.lock().unwrap().take().is_some_and(|sink| start("otel-rs-test", &self.queue, sink))
    }

    fn push(&self, items: impl IntoIterator<Item = u32>) {
        for item in items {
            self.queue.push(item, || self.start());
        }
    }

    fn batch(&self) -> Vec<u32> {
        self.batches.recv_timeout(SOON).unwrap()
    }

    /// The next batch, which is exported.
    fn exported(&self) -> Vec<u32> {
        let batch = self.batch();
        self.answers.send(Ok(())).unwrap();
        batch
    }

    fn flush(&self) -> Box<dyn Pending> {
        self.queue.begin_flush(|| self.start())
    }

    fn shut_down(&self, within: Duration) -> Box<dyn Pending> {
        self.queue.begin_shutdown(Instant::now() + within, || self.start())
    }
}

#[test]
fn a_batch_that_fills_while_another_is_exported_does_not_wait_for_the_schedule() {
    let fixture = Fixture::new(10, 2);
    fixture.push([1, 2]);
    assert_eq!(fixture.batch(), [1, 2]);
    fixture.push([3, 4]);
    fixture.answers.send(Ok(())).unwrap();
    assert_eq!(fixture.exported(), [3, 4]);
    // The worker sleeps again, whatever it was told while it did not.
    thread::sleep(Duration::from_millis(50));
    fixture.push([5, 6]);
    assert_eq!(fixture.exported(), [5, 6]);
}

#[test]
fn what_comes_back_is_exported_first_and_then_the_rest() {
    let fixture = Fixture::new(10, 4);
    fixture.push([1, 2, 3, 4]);
    assert_eq!(fixture.batch(), [1, 2, 3, 4]);
    fixture.push([5]);
    fixture.answers.send(Err(None)).unwrap();
    // Fewer at once until one has gone through, and then no waiting for the schedule.
    assert_eq!(fixture.exported(), [1, 2]);
    assert_eq!(fixture.exported(), [3, 4, 5]);
    assert_eq!(fixture.drops.counts().total(), 0);
}

#[test]
fn an_outage_costs_what_does_not_fit_and_the_oldest_of_it() {
    let fixture = Fixture::new(4, 4);
    fixture.push([1, 2, 3, 4]);
    assert_eq!(fixture.batch(), [1, 2, 3, 4]);
    fixture.push([5, 6]);
    let flush = fixture.flush();
    fixture.answers.send(Err(Some(Duration::ZERO))).unwrap();
    assert_eq!(fixture.batch(), [3, 4]);
    fixture.push([7, 8, 9]);
    fixture.answers.send(Err(Some(Duration::ZERO))).unwrap();
    assert_eq!(fixture.exported(), [6]);
    assert_eq!(fixture.exported(), [7, 8, 9]);
    assert_eq!(fixture.drops.counts(), DropCounts { queue_full: 5, ..DropCounts::default() });
    assert!(!wait_until(flush, Instant::now() + SOON));
}

#[test]
fn a_flush_answers_once_for_what_was_lost_before_it() {
    let fixture = Fixture::new(2, 2);
    fixture.push([1, 2]);
    assert_eq!(fixture.batch(), [1, 2]);
    fixture.push([3, 4, 5]);
    fixture.answers.send(Ok(())).unwrap();
    assert_eq!(fixture.exported(), [4, 5]);
    assert!(!wait_until(fixture.flush(), Instant::now() + SOON));
    assert!(wait_until(fixture.flush(), Instant::now() + SOON));
    assert_eq!(fixture.drops.counts().queue_full, 1);
}

#[test]
fn a_flush_does_not_answer_for_what_came_after_it() {
    let fixture = Fixture::new(2, 1);
    fixture.push([1]);
    assert_eq!(fixture.batch(), [1]);
    let mut flush = fixture.flush();
    assert_eq!(flush.wait(Duration::ZERO), None);
    fixture.push([2, 3, 4]);
    fixture.answers.send(Ok(())).unwrap();
    assert!(wait_until(flush, Instant::now() + SOON));
    assert_eq!(fixture.exported(), [3]);
    assert_eq!(fixture.exported(), [4]);
    assert!(!wait_until(fixture.flush(), Instant::now() + SOON));
}

#[test]
fn a_shutdown_tries_until_its_deadline_and_no_longer() {
    let fixture = Fixture::new(10, 1);
    fixture.push([1]);
    let mut end = fixture.shut_down(SOON);
    for _ in 0..3 {
        assert_eq!(fixture.batch(), [1]);
        // However long the collector asks to wait: it may be back before.
        fixture.answers.send(Err(Some(LONG))).unwrap();
    }
    assert_eq!(end.wait(Duration::ZERO), None);
    assert_eq!(fixture.exported(), [1]);
    assert!(wait_until(end, Instant::now() + SOON));
    assert!(!fixture.queue.has_queued());

    let fixture = Fixture::new(10, 1);
    fixture.push([1, 2]);
    assert_eq!(fixture.batch(), [1]);
    assert!(!wait_until(fixture.shut_down(Duration::from_millis(50)), Instant::now() + SOON));
    fixture.push([3]);
    let counts = DropCounts { deadline: 2, after_shutdown: 1, ..DropCounts::default() };
    assert_eq!(fixture.drops.counts(), counts);
}

#[test]
fn who_joins_a_shutdown_waits_for_it_and_his_deadline_holds_too() {
    let fixture = Fixture::new(10, 1);
    fixture.push([1]);
    let (first, second) = (fixture.shut_down(SOON), fixture.shut_down(LONG));
    assert_eq!(fixture.exported(), [1]);
    assert!(wait_until(second, Instant::now() + SOON));
    assert!(wait_until(first, Instant::now() + SOON));

    let fixture = Fixture::new(10, 1);
    fixture.push([1, 2]);
    let _first = fixture.shut_down(LONG);
    assert_eq!(fixture.batch(), [1]);
    assert!(!wait_until(fixture.shut_down(Duration::from_millis(50)), Instant::now() + SOON));
    assert_eq!(fixture.drops.counts().deadline, 2);
    // What is over is over.
    assert!(!wait_until(fixture.shut_down(LONG), Instant::now() + SOON));
    assert_eq!(fixture.drops.counts().deadline, 2);
}

#[test]
fn a_flush_gives_up_when_exports_fail_for_longer_than_it_has_patience_and_nothing_is_lost() {
    let fixture = Fixture::patient(10, 2, Duration::ZERO);
    fixture.push([1]);
    let flush = fixture.flush();
    assert_eq!(fixture.batch(), [1]);
    fixture.answers.send(Err(None)).unwrap();
    assert!(!wait_until(flush, Instant::now() + SOON));
    assert_eq!(fixture.exported(), [1]);
    assert_eq!(fixture.drops.counts().total(), 0);
}

#[test]
fn an_attempt_of_a_shutdown_does_not_take_all_of_its_time() {
    let drops = Arc::new(Drops::new(&SIGNAL));
    let config = BatchConfig { max_queue_size: 4, schedule_delay: LONG, max_export_batch_size: 4 };
    let queue = BatchQueue::<u32>::new(config, drops);
    queue.push(1, || true);
    let _end = queue.begin_shutdown(Instant::now() + Duration::from_secs(10), || true);
    let (batch, within) = queue.next_batch().unwrap();
    assert_eq!(batch.unwrap(), [1]);
    let within = within.unwrap();
    assert!(within > Duration::from_secs(4) && within <= Duration::from_secs(5), "{within:?}");
}

#[test]
fn nobody_needs_to_wait_for_the_deadline_to_hold() {
    let fixture = Fixture::new(10, 1);
    fixture.push([1]);
    drop(fixture.shut_down(Duration::from_millis(50)));
    assert_eq!(fixture.batch(), [1]);
    fixture.answers.send(Err(None)).unwrap();
    let begin = Instant::now();
    while fixture.drops.counts().deadline == 0 {
        assert!(begin.elapsed() < SOON);
        let _ = fixture.answers.send(Err(None));
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_does_not_go_together_is_exported_one_after_the_other() {
    let fixture = Fixture::new(10, 4);
    fixture.push([1, 2, 101, 102]);
    assert_eq!(fixture.exported(), [1, 2]);
    assert_eq!(fixture.exported(), [101, 102]);
}

#[test]
fn without_a_thread_nothing_is_lost_before_the_end() {
    let fixture = Fixture::new(10, 4);
    fixture.queue.push(1, || false);
    fixture.push([2]);
    let flush = fixture.flush();
    assert_eq!(fixture.exported(), [1, 2]);
    assert!(wait_until(flush, Instant::now() + SOON));

    let fixture = Fixture::new(10, 4);
    fixture.queue.push(1, || false);
    assert!(!wait_until(fixture.queue.begin_shutdown(Instant::now() + SOON, || false), Instant::now() + SOON));
    assert_eq!(fixture.drops.counts().deadline, 1);
}

#[test]
fn a_schedule_beyond_all_time_is_one() {
    for delay in [Duration::MAX, Duration::from_secs(u64::MAX / 2)] {
        let config = BatchConfig { max_queue_size: 4, schedule_delay: delay, max_export_batch_size: 4 };
        let queue = BatchQueue::<u32>::new(config, Arc::new(Drops::new(&SIGNAL)));
        queue.push(1, || true);
        assert!(queue.has_queued());
    }
}
