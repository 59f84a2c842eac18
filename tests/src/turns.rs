//! Work that two processors share.

use std::sync::Mutex;

/// Each of these once, in order, by as many threads as there are processors.
pub fn by_turns<T: Send>(all: impl IntoIterator<Item = T, IntoIter: Send>, each: impl Fn(T) + Sync) {
    let all = Mutex::new(all.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                while let Some(one) = { all.lock().unwrap().next() } {
                    each(one);
                }
            });
        }
    });
}
