//! Work on threads, where there are any.

/// How many threads a setting means: 0 is one a core. Always one on wasm32.
pub(super) fn threads(setting: usize) -> usize {
    if cfg!(target_arch = "wasm32") {
        1
    } else if setting > 0 {
        setting
    } else {
        std::thread::available_parallelism().map_or(1, usize::from)
    }
}

/// Does `work` for every item, on at most `threads` threads, this one among them.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn for_each<T: Send>(
    threads: usize,
    items: impl ExactSizeIterator<Item = T> + Send,
    work: impl Fn(T) + Sync,
) {
    let threads = threads.min(items.len());
    if threads <= 1 {
        items.for_each(work);
        return;
    }
    let queue = std::sync::Mutex::new(items);
    let drain = || {
        // A panic elsewhere ends the scope with that panic: here it only ends the work.
        while let Some(item) = queue.lock().ok().and_then(|mut queue| queue.next()) {
            work(item);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(drain);
        }
        drain();
    });
}

/// Does `work` for every item.
#[cfg(target_arch = "wasm32")]
pub(super) fn for_each<T>(_: usize, items: impl ExactSizeIterator<Item = T>, work: impl Fn(T)) {
    items.for_each(work);
}
