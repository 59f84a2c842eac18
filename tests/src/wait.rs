//! Waiting without a runtime.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Waits, by asking again, for what needs nothing but its own steps.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
}
