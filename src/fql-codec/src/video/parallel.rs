//! Work on threads, where there are any.
//!
//! All encoders and decoders of a process share one pool of threads, so that many of them do not make many times as
//! many threads as there are cores. Who asks for work to be done takes part in it: with every thread of the pool busy
//! elsewhere the work still goes on, on one thread.

/// How many threads a setting means: 0 is one a core. Always one on wasm32.
pub(super) fn threads(setting: usize) -> usize {
    if cfg!(target_arch = "wasm32") {
        1
    } else if setting > 0 {
        setting
    } else {
        cores()
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Does `work` for every item, on at most `threads` threads, this one among them, and no more than there are cores.
/// A panic in it becomes one here, after all threads have ended what they were at.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn for_each<T: Send>(
    threads: usize,
    items: impl ExactSizeIterator<Item = T> + Send,
    work: impl Fn(T) + Sync,
) {
    let helpers = threads.min(items.len()).saturating_sub(1);
    let Some(pool) = (if helpers > 0 { pool::get() } else { None }) else {
        items.for_each(work);
        return;
    };
    let queue = std::sync::Mutex::new(items);
    let drain = || {
        // A panic elsewhere ends the scope with that panic: here it only ends the work.
        while let Some(item) = queue.lock().ok().and_then(|mut queue| queue.next()) {
            work(item);
        }
    };
    pool.in_place_scope(|scope| {
        for _ in 0..helpers.min(pool.current_num_threads()) {
            scope.spawn(|_| drain());
        }
        drain();
    });
}

/// Does `work` for every item.
#[cfg(target_arch = "wasm32")]
pub(super) fn for_each<T>(_: usize, items: impl ExactSizeIterator<Item = T>, work: impl Fn(T)) {
    items.for_each(work);
}

#[cfg(not(target_arch = "wasm32"))]
mod pool {
    use std::sync::OnceLock;

    use rayon_core::{ThreadPool, ThreadPoolBuilder};

    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();

    /// The threads of this process, made when they are first needed; nothing where the system gives none.
    pub(super) fn get() -> Option<&'static ThreadPool> {
        POOL.get_or_init(make).as_ref()
    }

    /// One thread a core, although who asks for work is one more: another encoder may be at work as well.
    fn make() -> Option<ThreadPool> {
        let name = |index| format!("fql-codec-{index}");
        ThreadPoolBuilder::new().num_threads(super::cores()).thread_name(name).build().ok()
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Barrier, Mutex};

    use super::*;

    #[test]
    fn every_item_is_worked_on_once_with_any_number_of_threads() {
        for threads in [0, 1, 2, 3, 64] {
            let mut items = [0u32; 50];
            for_each(threads, items.iter_mut(), |item| *item += 1);
            assert_eq!(items, [1; 50]);
        }
        for_each(4, [0u8; 0].iter(), |_| unreachable!());
    }

    #[test]
    fn two_threads_work_at_once() {
        // Neither item ends before the other has begun.
        let meeting = Barrier::new(2);
        for_each(2, [0, 1].iter(), |_| {
            meeting.wait();
        });
    }

    #[test]
    fn no_more_threads_work_than_are_asked_for() {
        let seen = Mutex::new(HashSet::new());
        for_each(2, 0..200, |_| {
            seen.lock().unwrap().insert(std::thread::current().id());
        });
        assert!(seen.lock().unwrap().len() <= 2);
    }

    #[test]
    fn many_callers_and_nested_work_end() {
        let done = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        for_each(4, 0..4, |_| {
                            for_each(4, 0..4, |_| {
                                done.fetch_add(1, Ordering::Relaxed);
                            });
                        });
                    }
                });
            }
        });
        assert_eq!(done.into_inner(), 8 * 50 * 16);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        let work = || for_each(3, 0..10, |item| assert!(item != 5, "item five"));
        assert!(std::panic::catch_unwind(work).is_err());
        every_item_is_worked_on_once_with_any_number_of_threads();
    }
}
