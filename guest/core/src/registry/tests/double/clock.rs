//! Time that nobody waits for: when all that is left to do is to wait, it is later at once. One clock a thread.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// What the clock showed at first: Sun, 06 Nov 1994 08:49:37 GMT, in seconds since 1970.
pub const START: i64 = 784_111_777;

#[derive(Default)]
struct Clock {
    now: u64,
    numbers: u64,
    /// By when they wake, then by who came first.
    sleepers: BTreeMap<(u64, u64), Waker>,
}

thread_local! {
    static CLOCK: RefCell<Clock> = RefCell::default();
}

/// Milliseconds since the start.
pub fn now() -> u64 {
    CLOCK.with_borrow(|clock| clock.now)
}

/// Returns when it is so many milliseconds later.
pub async fn sleep(milliseconds: u64) {
    let key = CLOCK.with_borrow_mut(|clock| {
        clock.numbers += 1;
        (clock.now.saturating_add(milliseconds), clock.numbers)
    });
    Sleep(key).await;
}

/// Lets everything else that is ready run once.
pub async fn once_round() {
    let mut waited = false;
    poll_fn(|context| {
        if mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Runs a future that waits for nothing but itself and the clock.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    run_until(future, || false).expect("it was not stopped")
}

/// The same, but drops the future as soon as `stop` says so.
pub fn run_until<T>(future: impl Future<Output = T>, stop: impl Fn() -> bool) -> Option<T> {
    let mut future = pin!(future);
    let bell = Arc::new(Bell(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&bell));
    for _ in 0..MOST_POLLS {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(done);
        }
        if stop() {
            return None;
        }
        let goes_on = bell.0.swap(false, Ordering::Relaxed) || later();
        assert!(goes_on, "the push waits for something that never comes");
    }
    panic!("the push never ends");
}

/// Rings when a future can go on.
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Sleep((u64, u64));

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        CLOCK.with_borrow_mut(|clock| {
            if clock.now >= self.0.0 {
                return Poll::Ready(());
            }
            clock.sleepers.insert(self.0, context.waker().clone());
            Poll::Pending
        })
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let waker = CLOCK.with_borrow_mut(|clock| clock.sleepers.remove(&self.0));
        drop(waker);
    }
}

/// Makes it as late as the first sleeper waits for. `false` when nobody sleeps.
fn later() -> bool {
    let first = CLOCK.with_borrow_mut(|clock| {
        let ((until, _), waker) = clock.sleepers.pop_first()?;
        clock.now = until;
        Some(waker)
    });
    first.map(Waker::wake).is_some()
}

const MOST_POLLS: u32 = 5_000_000;
